"""The calendar as files: for Excel, and for the calendars of phones and offices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, request, url_for

from app.capacity.calendar.as_csv import BOM, as_csv
from app.capacity.calendar.as_ical import as_ical
from app.capacity.calendar.entries import calendar_days, entries
from app.web.pages.calendar.sends import read_day
from app.web.pages.forms.campaign import KINDS
from app.web.pages.language import gettext as _
from app.web.pages.language import language

if TYPE_CHECKING:
    from app.web.pages.queries import PlannerQueries


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the route on the blueprint."""

    @blueprint.get("/calendar.<kind>", endpoint="calendar_file")
    def calendar_file(kind: str) -> Response:
        if kind not in {"csv", "ics"}:
            abort(404)
        asked = read_day(request.args.get("first")) or queries.today()
        first, until = calendar_days(asked, read_day(request.args.get("until")))
        found = entries(
            queries.register, queries.evidence, first, until, now=queries.clock(), judge=queries.judge
        )
        if kind == "csv":
            text, mimetype = BOM + as_csv(found, words=_words()), "text/csv"
        else:
            text = as_ical(found, language(), words=_words(), address=_address).decode()
            mimetype = "text/calendar"
        headers = {"Content-Disposition": f'attachment; filename="calendar-{first}.{kind}"'}
        return Response(text, mimetype=mimetype, headers=headers)


def _address(number: int) -> str:
    return url_for("pages.report", number=number, _external=True)


def _words() -> dict[str, str]:
    """Columns, verdicts and kinds in the reader's language."""
    return {
        "number": _("Number"),
        "starts_at": _("Starts"),
        "ends_at": _("Ends"),
        "time_zone": _("Time zone"),
        "name": _("Name"),
        "verdict": _("Verdict"),
        "recipients": _("Recipients"),
        "limit_per_min": _("Planned speed, a minute"),
        "advised_limit_per_min": _("Advised speed, a minute"),
        "kind": _("How it is sent"),
        "owner": _("Owner"),
        "key": _("Name in the URL (campaign=)"),
        "braze_campaign_id": _("Campaign id in Braze"),
        "series": _("Weekly series"),
        "GO": _("GO"),
        "GO_IF": _("GO IF"),
        "NO_GO": _("NO-GO"),
        "RETEST": _("RETEST"),
        **{kind: str(label) for kind, label in KINDS},
    }
