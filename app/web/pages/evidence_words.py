"""A load test in the reader's language: what it found, what to do next, and what it ran on and from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from app.capacity.formats import number
from app.web.pages.language import gettext as _
from app.web.pages.language import lazy_gettext as _l

if TYPE_CHECKING:
    from collections.abc import Mapping

FINGERPRINT_SHOWN: Final = 16  # characters: two configurations differ in the first few
LONGEST_FACT: Final = 500
_MOST_DIGITS: Final = 2
_OUTCOMES: Final = {
    "held": _l("held"),
    "broke": _l("broke"),
    "open": _l("not decided"),
    "interrupted": _l("interrupted"),
    "observed": _l("observed"),
}
_LINES: Final = {
    "latency": _l("answers became slow"),
    "cut_offs": _l("calls were cut off after 2 seconds"),
    "failures": _l("calls failed"),
    "degraded": _l("answers came from a poorer source"),
    "still_climbing": _l("a queue kept growing"),
    "service_went_away": _l("the service went away"),
    "undecided": _l("a soak did not decide"),
    "falling": _l("the service became slower"),
}
_ENDED_EARLY: Final = {
    "stopped": _l("It was stopped before its end."),
    "out_of_time": _l("It ran out of time."),
    "service_lost": _l("The service went away and did not come back."),
}
_NEXT: Final = {
    "unconfirmed": _l("Run it again while nothing else is busy on these machines."),
    "none": _l("See that the service is well, then run it again."),
    "at_least": _l("To judge faster sends, run it again from a machine of its own, or from several."),
}
_FACTS: Final = {
    "fingerprint": _l("Configuration id"),
    "instances": _l("Servers"),
    "workers": _l("Worker processes"),
    "limiter": _l("Limits on calls"),
    "postgres_version": _l("Postgres version"),
    "tables": _l("Size of the data"),
    "dataset": _l("Data"),
    "settings": _l("Settings"),
    "postings": _l("Postings"),
    "members": _l("Members"),
    "activity": _l("Activity"),
    "lists": _l("Recommendation lists"),
    "host_name": _l("Machine"),
    "cpu_model": _l("Processor"),
    "cpu_count": _l("Processor cores"),
    "cpus_used": _l("Cores used"),
    "python": _l("Python version"),
    "locust": _l("Locust version"),
    "processes": _l("Processes"),
    "same_machine_as_service": _l("On the service's own machine"),
}


def found(document: Mapping[str, Any]) -> str:
    """What a load test found, as a sentence or two; empty for a document that does not say."""
    verdict = document.get("verdict")
    if not isinstance(verdict, dict):
        return ""
    said = [_found(verdict), str(_ENDED_EARLY.get(str(document.get("ended")), ""))]
    return " ".join(part for part in said if part)


def _found(verdict: Mapping[str, Any]) -> str:
    rps, high, kind = _rate(verdict.get("rps")), _rate(verdict.get("high_rps")), verdict.get("kind")
    if kind == "ceiling":
        return _(
            "It carried %(rps)s calls a second, confirmed by a soak; at %(high)s it no longer did: %(why)s.",
            rps=rps,
            high=high,
            why=lines(verdict.get("bound_by")),
        )
    if kind == "at_least":
        return _(
            "It carried at least %(rps)s calls a second, confirmed by a soak; the highest it can carry was not reached.",
            rps=rps,
        )
    if kind == "unconfirmed" and "falling" in (verdict.get("bound_by") or ()):
        return _("The service became slower while it was tested: look for what grows, and restart it.")
    if kind == "unconfirmed":
        return _("%(rps)s calls a second held for a short time only; no soak confirmed it.", rps=rps)
    return _("No rate kept the pass line.") if kind == "none" else ""


def why_unreadable(reason: str) -> str:
    """Why no verdict can go by a file on record; `reason` is the reader's own, which names the field."""
    field = re.search(r"missing required field `([^`]+)`", reason) or re.search(r"at `\$\.?([^`]+)`", reason)
    if field is None:
        return _("It was written by another version, or changed by hand.")
    return _("%(field)s is missing, or not what this version reads there.", field=field[1])


def _rate(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else "–"


def what_next(kind: str) -> str:
    """What to do after a load test of this kind; empty after one that found the ceiling."""
    return str(_NEXT.get(kind, ""))


def lines(broken: Any) -> str:
    """The lines of the pass line that were not kept, the worst first."""
    names = broken if isinstance(broken, list | tuple) else ()
    return ", ".join(str(_LINES.get(str(name), name)) for name in names) or "–"


def outcome(word: str) -> str:
    """What became of a rate that was tried."""
    return str(_OUTCOMES.get(word, word))


def facts(told: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(label, value) of what a test was told or knew; a value with values of its own is a list of the same."""
    known = [name for name in _FACTS if name in told]
    others = sorted(name for name in told if name not in _FACTS)
    return [(str(_FACTS.get(name, name)), _shown(name, told[name])) for name in (*known, *others)]


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return facts(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return number(value, _MOST_DIGITS)
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)[:LONGEST_FACT] or "–"
    if value is None or value == "":
        return "–"
    return str(value)[: FINGERPRINT_SHOWN if name == "fingerprint" else LONGEST_FACT]
