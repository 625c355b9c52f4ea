"""Syncs: what is sent to other services, how each run went, what was refused and why; paused and resumed by who plans."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flask import Response, g, redirect, request, url_for
from werkzeug.exceptions import NotFound

from app.capacity.calendar.as_csv import BOM, harmless
from app.capacity.formats import duration, percent, time_in_sentence
from app.sync.definition import SyncError
from app.web.pages.language import gettext as _
from app.web.pages.language import language
from app.web.pages.rendering import page
from app.web.pages.sync_words import in_korean

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flask import Blueprint
    from werkzeug.wrappers import Response as AnyResponse

    from app.sync.record import SyncOnRecord, SyncRegister, SyncRunRecord
    from app.web.pages.queries import PlannerQueries

RUNS: Final = 30
A_PAGE: Final = 50
MOST_DOWNLOADED: Final = 100_000
_MANY_PAGES: Final = 2_000


@dataclass(frozen=True, slots=True)
class SyncState:
    """How a sync stands, in words: `mark` paints them, `share` is how far a run is, None where that says nothing."""

    mark: str
    words: str
    share: float | None = None


def add(blueprint: Blueprint, queries: PlannerQueries, register: SyncRegister) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/syncs", endpoint="syncs")
    def listed() -> Response:
        now = queries.clock().astimezone(queries.zone())
        found = [(one, state_of(one, now)) for one in register.syncs()]
        return page("syncs.html", syncs=found, service=service_of, reason=reason_of, zone=queries.zone())

    @blueprint.get("/syncs/<name>", endpoint="sync")
    def one_sync(name: str) -> Response:
        return _shown(queries, register, name)

    @blueprint.get("/syncs/<name>/rejects.csv", endpoint="sync_rejects")
    def rejects(name: str) -> Response:
        _found(register, name)
        headers = {"Content-Disposition": f'attachment; filename="rejects-{name}.csv"'}
        return Response(_as_csv(register, name, queries), mimetype="text/csv", headers=headers)

    @blueprint.post("/syncs/<name>/pause", endpoint="pause_sync")
    def pause(name: str) -> AnyResponse:
        return _done(lambda: register.pause(name, by=g.operator), name)

    @blueprint.post("/syncs/<name>/resume", endpoint="resume_sync")
    def resume(name: str) -> AnyResponse:
        return _done(lambda: register.resume(name, by=g.operator), name)


def _done(change: Callable[[], object], name: str) -> AnyResponse:
    try:
        change()
    except SyncError:  # it was forgotten since
        raise NotFound from None
    return redirect(url_for("pages.sync", name=name), 303)


def _found(register: SyncRegister, name: str) -> SyncOnRecord:
    found = next((one for one in register.syncs() if one.name == name), None)
    if found is None:
        raise NotFound
    return found


def _shown(queries: PlannerQueries, register: SyncRegister, name: str) -> Response:
    found, now = _found(register, name), queries.clock().astimezone(queries.zone())
    member = request.args.get("member", "").strip()[:200]
    asked = min(max(request.args.get("page", 1, type=int), 1), _MANY_PAGES)
    rejects = register.rejects(name, member=member or None, first=(asked - 1) * A_PAGE, most=A_PAGE)
    runs = register.runs(name, most=RUNS)
    return page(
        "sync.html",
        sync=found,
        state=state_of(found, now),
        service=service_of,
        runs=[(one, run_state(one, now), took(one)) for one in runs],
        changed=next((one for one in runs if one.figures.get("by_name")), None),
        rejects=rejects,
        reason=reason_of,
        member=member,
        asked=asked,
        pages=-(-rejects.total // A_PAGE),
        zone=queries.zone(),
    )


def service_of(one: SyncRunRecord) -> tuple[str, str]:
    """Where a run sends to: the service, and which workspace or app of it."""
    service, _colon, place = one.destination.partition(":")
    return service.capitalize(), place.removesuffix(":main")


def state_of(one: SyncOnRecord, now: datetime) -> SyncState:
    """How a sync stands now."""
    if one.pause is not None:
        at = time_in_sentence(one.pause.at.astimezone(now.tzinfo), now.date(), language())
        return SyncState("if", _("Paused by %(who)s since %(when)s", who=one.pause.by, when=at))
    overdue = one.overdue(now)
    if one.last.state != "running" and overdue > timedelta(0):
        late = duration(int(overdue / timedelta(minutes=1)), language())
        return SyncState("no_go", _("Late by %(time)s", time=late))
    return run_state(one.last, now)


def run_state(one: SyncRunRecord, now: datetime) -> SyncState:
    """How a run stands, or how it ended."""
    waits = one.paused_until is not None and one.paused_until > now
    if waits and one.paused_until is not None and one.state in ("running", "paused", "killed"):
        until = time_in_sentence(one.paused_until.astimezone(now.tzinfo), now.date(), language())
        share = one.share if one.state == "running" else None
        return SyncState("if", _("Paused until %(when)s: its budget is used up", when=until), share)
    if one.state == "running":
        return _running(one, now)
    marks: dict[str, tuple[str, str]] = {
        "done": ("go", _("Ended")),
        "paused": ("if", _("Paused")),
        "stopped": ("no_go", _("Stopped")),
    }
    return SyncState(*marks.get(one.state, ("no_go", _("Broke off: the next run goes on there"))))


def _running(one: SyncRunRecord, now: datetime) -> SyncState:
    if one.share is None:
        return SyncState("re", _("Looks for what changed"))
    share = percent(one.share, 0)
    if one.ends_at is None:
        return SyncState("re", _("Sending, %(share)s", share=share), one.share)
    left = max(1, round((one.ends_at - now) / timedelta(minutes=1)))
    words = _("Sending, %(share)s, %(time)s left", share=share, time=duration(left, language()))
    return SyncState("re", words, one.share)


def took(one: SyncRunRecord) -> str:
    """How long a run took."""
    if one.ended_at is None:
        return "–"
    minutes = (one.ended_at - one.started_at) / timedelta(minutes=1)
    return _("under a minute") if minutes < 1 else duration(round(minutes), language())


def reason_of(sentence: str) -> tuple[str, str]:
    """Why something was refused or stopped, in the page's language where that is known, and the language that it is in."""
    korean = in_korean(sentence) if language() == "ko" else None
    return (sentence, "en") if korean is None else (korean, "ko")


def _as_csv(register: SyncRegister, name: str, queries: PlannerQueries) -> str:
    """What is refused, a row each, as a spreadsheet reads it."""
    found, zone = register.rejects(name, member=None, first=0, most=MOST_DOWNLOADED), queries.zone()
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow([_("Member"), _("Event or item"), _("Reason"), _("Since"), _("Last tried"), _("Run")])
    for one in found.rejects:
        times = [f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (one.first_at, one.last_at)]
        other = "" if one.key == one.member else harmless(one.key)
        table.writerow(
            [harmless(one.member or ""), other, harmless(reason_of(one.sentence)[0]), *times, one.run_id]
        )
    return BOM + written.getvalue()
