"""Renders a template as Braze does, for one member, against a running service."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from app.braze import data_tags, tags
from app.braze.attributes import NAMESPACES, named, variables
from app.braze.calls import Call, CallAnswer, Fetch, StoredCredential, build_request, perform
from app.braze.data_tags import EXTRAS, LOST, cut_off
from app.braze.errors import TemplateError
from app.braze.filters import FILTERS, time_zone_filter
from app.braze.http_fetch import fetch_over_http
from app.braze.liquid.context import Context
from app.braze.liquid.errors import Budget, LimitError, LiquidSyntaxError
from app.braze.liquid.filters import STANDARD, date_filter
from app.braze.liquid.nodes import Output
from app.braze.liquid.times import Time
from app.braze.liquid.tokenizer import TemplateSource
from app.braze.parsing import BrazeParser
from app.braze.tags import CALLER, NOTES, MessageAborted, TagError
from app.feedback.exposure import ExposureError, of_extras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from app.braze.call_options import CallOptions
    from app.braze.liquid.nodes import Body

MAX_RETRIES = 5
NO_CREDENTIAL: Final = "connected_content has no credential"
MAX_CALLS: Final = 100
MAX_NOTES: Final = 100
MAX_CALLS_S: Final = 30.0
PARSED_TEMPLATES: Final = 8  # kept, for a template that is rendered for one member after another

SAMPLE_ATTRIBUTES: Mapping[str, object] = {
    "campaign.dispatch_id": "preview",
    "set_user_to_unsubscribed_url": "https://unsubscribe.invalid/",
}
"""Sample values for attributes that Braze fills in; a caller's attributes override them."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The part as it would be sent."""

    text: str


@dataclass(frozen=True, slots=True)
class Aborted:
    """The message is not sent; `prevented_retry` says that the abort prevented retries of a failed `:retry` call."""

    reason: str | None
    prevented_retry: bool = False


@dataclass(frozen=True, slots=True)
class WouldBeRetried:
    """A call with `:retry` failed: Braze would requeue the message, and abort it after the last attempt."""

    url: str
    failure: str
    attempts_left: int


Outcome = Rendered | Aborted | WouldBeRetried


@dataclass(frozen=True, slots=True)
class PartPreview:
    """One rendered field of a message, and the calls of its render, in order.

    `missing` names attributes, Content Blocks and catalog items that got no value. `notes` are sentences on what Braze reads
    differently than it looks, and on what the preview cannot do. `extras` are the message extras of the send event, and
    `lost_extras` sentences on what Braze would silently lose of them; of a message that is not sent there are none.
    """

    outcome: Outcome
    calls: tuple[Call, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    extras: Mapping[str, str] = field(default_factory=dict)
    lost_extras: tuple[str, ...] = ()


@dataclass(slots=True)
class _RecordingCaller:
    """Makes the calls of one part's render and records them."""

    credential: StoredCredential | None
    base_url: str | None
    fetch: Fetch
    clock: Callable[[], float]
    calls: list[Call] = field(default_factory=list)
    to_retry: Call | None = None

    def __call__(
        self, options: CallOptions, *, url: str, headers: dict[str, str], body: str | None
    ) -> CallAnswer | None:
        request = build_request(
            url=url,
            method=options.method,
            headers=headers,
            body=body,
            content_type=options.content_type,
            authorization=self._authorization(options),
            base_url=self.base_url,
        )
        if len(self.calls) >= MAX_CALLS or sum(call.duration_s for call in self.calls) > MAX_CALLS_S:
            raise LimitError(
                f"the render makes more than {MAX_CALLS} calls or waits more than {MAX_CALLS_S:g} s for them, "
                "which the preview does not do: call once, outside of loops"
            )
        call, answer = perform(request, fetch=self.fetch, clock=self.clock, cacheable_s=options.cacheable_s)
        self.calls.append(call)
        if answer is None and options.retry and self.to_retry is None:
            self.to_retry = call
        return answer

    def _authorization(self, options: CallOptions) -> str | None:
        name = options.basic_auth or options.auth_credentials
        if name is None:
            return None
        if self.credential is None:  # as in Braze, where deleting a stored credential makes its calls abort
            raise MessageAborted(f"{NO_CREDENTIAL} '{name}'")
        return self.credential.basic() if options.basic_auth else self.credential.bearer()


@dataclass(frozen=True, slots=True)
class Clocks:
    """A preview's clocks: `calls_s` measures calls, `dates_s` (seconds since 1970) gives the mail's dates."""

    calls_s: Callable[[], float] = time.monotonic
    dates_s: Callable[[], float] = time.time


_SYSTEM_CLOCKS = Clocks()


def preview(
    template_text: str,
    *,
    user_id: str,
    credential: StoredCredential | None = None,
    base_url: str | None = None,
    attributes: Mapping[str, object] | None = None,
    fetch: Fetch = fetch_over_http,
    attempt: int = 1,
    clocks: Clocks = _SYSTEM_CLOCKS,
) -> PartPreview:
    """Render one field of a message (subject, HTML, text) for one member.

    Each field has its own scope, as in Braze: a variable saved in one field is unknown in the next, which must call again.
    Calls go to `base_url` (scheme, host, path prefix) if given, with `credential` for any credential name in the template.
    `attributes` are named as in `attributes.variables`. `attempt` counts from 1; after attempt 1 + MAX_RETRIES a failed
    `:retry` call aborts the message. Answers are never cached.

    Raises TemplateError, with line and column, if the template is wrong or exceeds the preview's limits.
    """
    source = TemplateSource(template_text)
    caller = _RecordingCaller(credential=credential, base_url=base_url, fetch=fetch, clock=clocks.calls_s)
    context = _context(
        variables(user_id, {**SAMPLE_ATTRIBUTES, **(attributes or {})}), caller, Time(int(clocks.dates_s()))
    )
    output = Output()
    parse_notes: tuple[tuple[int, str], ...] = ()
    try:
        body, parse_notes = _parse(template_text)
        body.render(context, output)
        outcome: Outcome = _outcome_of(output.text, caller.to_retry, attempt)
    except MessageAborted as aborted:
        outcome = Aborted(aborted.reason, prevented_retry=caller.to_retry is not None)
    except (LiquidSyntaxError, TagError) as error:
        raise TemplateError(_sentence(source, error.at, str(error))) from error
    except (LimitError, RecursionError) as error:
        reason = str(error) if isinstance(error, LimitError) else "its values are nested too deep to be shown"
        raise TemplateError(f"The preview stops here: {reason}.") from error
    extras = cut_off(context)
    return PartPreview(
        outcome,
        tuple(caller.calls),
        missing=named(context.missing),
        notes=_notes(source, [*parse_notes, *context.tags[NOTES]], context.errors),
        extras=extras,
        lost_extras=_lost_extras(source, context.tags[LOST], extras) if isinstance(outcome, Rendered) else (),
    )


@lru_cache(maxsize=PARSED_TEMPLATES)
def _parse(template_text: str) -> tuple[Body, tuple[tuple[int, str], ...]]:
    """A template's nodes, which keep nothing of a render, and what is noted about them."""
    parser = BrazeParser(TemplateSource(template_text), tags.TAGS | data_tags.TAGS)
    body = parser.read_all()
    return body, tuple(parser.notes)


def _context(given: dict[str, object], caller: _RecordingCaller, now: Time) -> Context:
    filters = STANDARD | FILTERS | {"date": date_filter(now), "time_zone": time_zone_filter(now)}
    context = Context(given, filters, Budget(), named_namespaces=NAMESPACES)
    context.tags = {CALLER: caller, NOTES: [], EXTRAS: {}, LOST: []}
    return context


def _notes(
    source: TemplateSource, notes: Iterable[tuple[int, str]], errors: Iterable[tuple[int, str]]
) -> tuple[str, ...]:
    shown = [*notes, *((at, f"Liquid prints 'Liquid error: {fault}' here") for at, fault in errors)]
    return tuple(_sentence(source, at, note) for at, note in list(dict.fromkeys(shown))[:MAX_NOTES])


def _lost_extras(
    source: TemplateSource, losses: Iterable[tuple[int, str]], extras: Mapping[str, str]
) -> tuple[str, ...]:
    """What Braze would lose of the message extras, and whether the exposure among them can be read back."""
    lost = [_sentence(source, at, what) for at, what in dict.fromkeys(losses)]
    try:
        of_extras(json.dumps(extras))
    except ExposureError as error:
        lost.append(f"The mail will not be known in any result: {error}")
    return tuple(lost[:MAX_NOTES])


def _outcome_of(text: str, to_retry: Call | None, attempt: int) -> Outcome:
    if to_retry is None:
        return Rendered(text)
    failure = to_retry.failure or ""
    attempts_left = 1 + MAX_RETRIES - attempt
    if attempts_left <= 0:
        return Aborted(f"connected_content failed in all {1 + MAX_RETRIES} attempts: {failure}")
    return WouldBeRetried(to_retry.url, failure, attempts_left)


def _sentence(source: TemplateSource, at: int | None, message: str) -> str:
    message = message.strip().rstrip(".")
    if at is None:
        return f"The template: {message}."
    line, column = source.line_and_column(at)
    return f"Line {line}, column {column} of the template: {message}."
