"""Preview and template: the mail one member would get, the JSON behind it, and the Liquid to paste into Braze."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, redirect, request, url_for

from app.web.pages.access.security_headers import mail_policy
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.wrappers import Response as AnyResponse

    from app.braze.mails import MailFormat, MailPart, Mails
    from app.web.pages.queries import PlannerQueries

LONGEST_MEMBER: Final = 200
_NO_CAMPAIGN: Final = "preview"
_RETRYING: Final = "-retry"
_SCHEMES: Final = ("light", "dark")
_PREFERS: Final = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_TRUE, _FALSE = "(min-width: 0)", "(max-width: 0)"  # of a style sheet's conditions


@dataclass(frozen=True, slots=True)
class PreviewedMails:
    """What a preview shows: `mails` renders them, None where no running service was named; `random_member` draws whose."""

    mails: Mails | None
    random_member: Callable[[], str | None]


def add(blueprint: Blueprint, queries: PlannerQueries, previewed: PreviewedMails) -> None:
    """Put the routes on the blueprint."""
    previews = previewed.mails

    @blueprint.get("/preview")
    def preview() -> Response:
        if previews is None:
            return page("preview.html", ready=False)
        chosen = _chosen(previews, queries)
        html, part = (
            (previews.part(**chosen["what"], part=kind) if chosen["member"] else None)
            for kind in ("html", "txt")
        )
        return page(
            "preview.html",
            ready=True,
            nobody="nobody" in request.args,
            html=html,
            text=part,
            answers=_answers(part),
            liquid={kind: _liquid(previews, chosen["what"], kind) for kind in ("html", "txt")},
            **chosen,
        )

    @blueprint.get("/preview/random")
    def random_preview() -> AnyResponse:
        """Show the mail of somebody; whose, the server draws, so that nobody reads through a list of members."""
        member = previewed.random_member()
        kept: dict[str, Any] = {
            name: request.args[name] for name in ("campaign", "template") if name in request.args
        }
        nobody = "1" if member is None else None
        return redirect(url_for("pages.preview", **kept, member=member, nobody=nobody), 303)

    @blueprint.get("/preview/mail", endpoint="mail")
    def mail() -> Response:
        if previews is None:
            return page("mail_not.html", outcome="wrong_template", reason="", status=404)
        chosen = _chosen(previews, queries)
        part = previews.part(**chosen["what"], part="html")
        if part.outcome == "rendered":
            response = Response(_in_scheme(part.text, request.args.get("scheme")), mimetype="text/html")
        else:
            response = page("mail_not.html", outcome=part.outcome, reason=part.reason)
        response.headers["Content-Security-Policy"] = mail_policy(response.get_data(as_text=True))
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response


def _chosen(previews: Mails, queries: PlannerQueries) -> dict[str, Any]:
    """Which template, member and campaign are asked for; what is not there falls to the first."""
    campaigns, templates = queries.register.campaigns(), previews.templates()
    number = request.args.get("campaign", 0, int)
    campaign = next((one for one in campaigns if one.id == number), None)
    template = request.args.get("template") or _fitting(campaign.definition if campaign else {}, templates)
    member = request.args.get("member", "").strip()[:LONGEST_MEMBER]
    return {
        "templates": templates,
        "campaigns": campaigns,
        "campaign": campaign,
        "template": template if template in templates else templates[0],
        "member": member,
        "what": {
            "template": template if template in templates else templates[0],
            "member": member,
            "campaign": campaign.key if campaign else _NO_CAMPAIGN,
        },
    }


def _fitting(definition: Any, templates: Sequence[str]) -> str:
    """The template that does what the campaign says: with `:retry` or without."""
    retrying = [name for name in templates if name.endswith(_RETRYING)]
    return retrying[0] if definition.get("retry") and retrying else templates[0]


def _liquid(previews: Mails, what: dict[str, str], part: MailFormat) -> str:
    return previews.liquid(what["template"], part, campaign=what["campaign"])


def _answers(part: MailPart | None) -> list[tuple[Any, str]]:
    """Each call with its answer, laid out where it is JSON."""
    return [(call, _laid_out(call.body)) for call in (part.calls if part else ())]


def _in_scheme(mail: str, scheme: str | None) -> str:
    """The mail as a reader of light or dark pages sees it, whatever this browser's are."""
    if scheme not in _SCHEMES:
        return mail
    return _PREFERS.sub(lambda asked: _TRUE if asked[1].lower() == scheme else _FALSE, mail)


def _laid_out(body: str | None) -> str:
    try:
        return json.dumps(json.loads(body or ""), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return body or ""
