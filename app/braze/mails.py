"""The published mail templates: rendered for a member as Braze does, and with a campaign's values to copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from app.braze.calls import FetchError
from app.braze.errors import TemplateError
from app.braze.http_fetch import fetch_over_http
from app.braze.preview import Aborted, Rendered, WouldBeRetried, preview

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.braze.calls import CallAnswer, Fetch, Request, StoredCredential

MailFormat = Literal["html", "txt"]
RenderOutcome = Literal["rendered", "aborted", "would_be_retried", "wrong_template"]
TEMPLATES: Final = Path(__file__).parent / "mail_templates"
_HOST: Final = "jobs-api.example.com"  # placeholders in the published templates
_CAMPAIGN: Final = "campaign=weekly-digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailCall:
    """A call of a part's render, and its answer."""

    url: str
    status: int | None
    milliseconds: float
    failure: str | None
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPart:
    """One part of a mail: its text where it was rendered, else why it was not (`reason` is in English)."""

    outcome: RenderOutcome
    text: str
    reason: str
    calls: Sequence[MailCall]
    missing: Sequence[str] = ()
    notes: Sequence[str] = ()
    extras: Mapping[str, str] = field(default_factory=dict)
    lost_extras: Sequence[str] = ()


@dataclass(slots=True)
class _Recorder:
    """A fetch that stores the bodies of answers."""

    fetch: Fetch
    bodies: list[str | None] = field(default_factory=list)

    def __call__(self, request: Request, /) -> CallAnswer:
        try:
            answer = self.fetch(request)
        except FetchError:
            self.bodies.append(None)
            raise
        self.bodies.append(answer.body.decode(errors="replace"))
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Mails:
    """The templates of a folder, previewed against a running service.

    Args:
        base_url: The service that previews call.
        credential: Of the scope `content`.
        public_host: The service's host name as Braze reaches it; None leaves the templates' own.
        folder: Holds `NAME.html.liquid` and `NAME.txt.liquid`.
    """

    base_url: str
    credential: StoredCredential
    public_host: str | None = None
    folder: Path = TEMPLATES
    fetch: Fetch = fetch_over_http

    def templates(self) -> Sequence[str]:
        """The names of all templates, sorted."""
        return sorted(path.name.removesuffix(".html.liquid") for path in self.folder.glob("*.html.liquid"))

    def liquid(self, template: str, part: MailFormat, *, campaign: str) -> str:
        """A part's Liquid with the campaign's key, and with the public host if it is set, in place of the placeholders."""
        if template not in self.templates():
            raise TemplateError(
                f"There is no template '{template}'; there are {', '.join(self.templates())}."
            )
        text = (self.folder / f"{template}.{part}.liquid").read_text(encoding="utf-8")
        return text.replace(_CAMPAIGN, f"campaign={campaign}").replace(_HOST, self.public_host or _HOST)

    def part(self, template: str, part: MailFormat, *, member: str, campaign: str) -> MailPart:
        """Render one part for a member; it makes its own call, as in Braze."""
        recorder = _Recorder(self.fetch)
        try:
            rendered = preview(
                self.liquid(template, part, campaign=campaign),
                user_id=member,
                base_url=self.base_url,
                credential=self.credential,
                fetch=recorder,
            )
        except TemplateError as error:
            return MailPart(outcome="wrong_template", text="", reason=str(error), calls=())
        bodies = [*recorder.bodies, *(None for _ in rendered.calls)]
        calls = tuple(
            MailCall(
                url=call.url,
                status=call.status,
                milliseconds=call.duration_s * 1000,
                failure=call.failure,
                body=body,
            )
            for call, body in zip(rendered.calls, bodies, strict=False)
        )
        outcome, text, reason = _describe(rendered.outcome)
        return MailPart(
            outcome=outcome,
            text=text,
            reason=reason,
            calls=calls,
            missing=rendered.missing,
            notes=rendered.notes,
            extras=rendered.extras,
            lost_extras=rendered.lost_extras,
        )


def _describe(outcome: Rendered | Aborted | WouldBeRetried) -> tuple[RenderOutcome, str, str]:
    """The outcome in a word, the text, and the reason."""
    match outcome:
        case Rendered(text):
            return "rendered", text, ""
        case Aborted(reason):
            return "aborted", "", reason or ""
        case WouldBeRetried(_, failure, _left):
            return "would_be_retried", "", failure
