"""Render a template as Braze would, for one member, against a running service."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from io import StringIO

from liquid import Environment, RenderContext, Token
from liquid.exceptions import LiquidError

from app.braze.blank import register_blank
from app.braze.calls import Answer, Call, Credential, Fetch, build_request, perform
from app.braze.errors import TemplateError
from app.braze.filters import FILTERS
from app.braze.http_fetch import fetch_over_http
from app.braze.options import CallOptions
from app.braze.personalization import namespaces, rewrite_references
from app.braze.tags import CALLER, MessageAborted, register_tags

MAX_RETRIES = 5

SAMPLE_ATTRIBUTES: Mapping[str, object] = {
    "campaign.dispatch_id": "preview",
    "set_user_to_unsubscribed_url": "https://unsubscribe.invalid/",
}
"""What Braze fills in by itself and a preview has to make up; a caller's attributes come before these."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The part as it would be sent."""

    text: str


@dataclass(frozen=True, slots=True)
class Aborted:
    """The message is not sent; `prevented_retry` says that the abort cut short the retries a `:retry` asked for."""

    reason: str | None
    prevented_retry: bool = False


@dataclass(frozen=True, slots=True)
class WouldBeRetried:
    """A call with `:retry` failed: in a send the message goes to the back of the queue, and is aborted in the end."""

    url: str
    failure: str
    attempts_left: int


Outcome = Rendered | Aborted | WouldBeRetried


@dataclass(frozen=True, slots=True)
class Part:
    """One rendered field of a message, and the calls its render made, in order."""

    outcome: Outcome
    calls: tuple[Call, ...]


class _BrazeEnvironment(Environment):
    """python-liquid with Braze's references, tags and filters; nothing is escaped unless the template says so."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        register_tags(self)
        register_blank(self)
        for name, function in FILTERS.items():
            self.add_filter(name, function)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        tokenize = super().tokenizer()
        return lambda source: tokenize(rewrite_references(source))


@cache
def _environment() -> _BrazeEnvironment:
    return _BrazeEnvironment()


@dataclass(slots=True)
class _Caller:
    """Makes the calls of one part's render and remembers them."""

    credential: Credential | None
    base_url: str | None
    fetch: Fetch
    clock: Callable[[], float]
    calls: list[Call] = field(default_factory=list)
    to_retry: Call | None = None

    def __call__(
        self, options: CallOptions, *, url: str, headers: dict[str, str], body: str | None
    ) -> Answer | None:
        request = build_request(
            url=url,
            method=options.method,
            headers=headers,
            body=body,
            content_type=options.content_type,
            authorization=self._authorization(options),
            base_url=self.base_url,
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
            raise MessageAborted(f"connected_content has no credential '{name}'")
        return self.credential.basic() if options.basic_auth else self.credential.bearer()


def preview(
    template_text: str,
    *,
    user_id: str,
    credential: Credential | None = None,
    base_url: str | None = None,
    attributes: Mapping[str, object] | None = None,
    fetch: Fetch = fetch_over_http,
    clock: Callable[[], float] = time.monotonic,
    attempt: int = 1,
) -> Part:
    """Render one field of a message (subject, HTML, text) for one member.

    Each field has a scope of its own, as in Braze: a variable saved in one is unknown in the next, which must make
    its own call. Every call goes to `base_url` (scheme, host, path prefix) when given, with `credential` for whatever
    credential name the template uses. `attributes` are named as in `personalization.namespaces`. `attempt` counts
    from 1; after attempt 1 + MAX_RETRIES a failed `:retry` call aborts the message. Answers are never cached here.

    Raises TemplateError if the template itself is wrong, with its line.
    """
    caller = _Caller(credential=credential, base_url=base_url, fetch=fetch, clock=clock)
    variables = namespaces(user_id, {**SAMPLE_ATTRIBUTES, **(attributes or {})})
    try:
        outcome: Outcome = _settled(_render(template_text, variables, caller), caller.to_retry, attempt)
    except MessageAborted as aborted:
        outcome = Aborted(aborted.reason, prevented_retry=caller.to_retry is not None)
    except LiquidError as error:
        raise TemplateError(_sentence(error)) from error
    return Part(outcome, tuple(caller.calls))


def _render(template_text: str, variables: Mapping[str, object], caller: _Caller) -> str:
    template = _environment().from_string(template_text)
    context = RenderContext(template, globals=variables)
    context.tag_namespace[CALLER] = caller
    buffer = StringIO()
    template.render_with_context(context, buffer)
    return buffer.getvalue()


def _settled(text: str, to_retry: Call | None, attempt: int) -> Outcome:
    if to_retry is None:
        return Rendered(text)
    failure = to_retry.failure or ""
    attempts_left = 1 + MAX_RETRIES - attempt
    if attempts_left <= 0:
        return Aborted(f"connected_content failed in all {1 + MAX_RETRIES} attempts: {failure}")
    return WouldBeRetried(to_retry.url, failure, attempts_left)


def _sentence(error: LiquidError) -> str:
    where = error.context()
    message = str(error.message).strip().rstrip(".")
    return f"Line {where[0]} of the template: {message}." if where else f"The template: {message}."
