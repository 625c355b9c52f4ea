"""What-if: the end, the calls a mail makes and the servers on sliders, which work without a script, too.

A slider sends its place under a name of its own; that is put into the field that it stands for, so that the address
holds the question as if it had been typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from werkzeug.datastructures import MultiDict

from app.capacity import formats
from app.web.pages.language import gettext as _
from app.web.pages.language import language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.web.pages.forms.campaign import CampaignForm

ENDS_MIN: Final = (0, 15, 30, 45, 60, 90, 120, 180, 240, 300, 360, 480, 600, 720, 1_080, 1_440, 2_880, 4_320)
MOST_CALLS: Final = 10
MOST_SERVERS: Final = 16
_MINUTE: Final = timedelta(minutes=1)
_SLID: Final = {
    "slide_end": ("finish_by",),
    "slide_calls": ("calls", "calls_per_recipient"),
    "slide_servers": ("instances",),
}

FIELDS: Final = frozenset(field for fields in _SLID.values() for field in fields)


@dataclass(frozen=True, slots=True)
class Slider:
    """A slider: its own name, the fields it stands for, where it stands, and what each place means."""

    name: str
    field: str
    label: str
    place: int
    values: Sequence[str]
    texts: Sequence[str]


def typed(args: MultiDict[str, str]) -> MultiDict[str, str]:
    """Return what was typed, with the sliders' places put into the fields that they stand for."""
    at = _wall(args.get("at"))
    fields = MultiDict((name, value) for name, value in args.items(multi=True) if name not in _SLID)
    for name, replaced in _SLID.items():
        values = _values(name, at)
        place = args.get(name, -1, int)
        if not 0 <= place < len(values):
            continue
        for field in replaced:
            fields.poplist(field)
        fields.update(_as_fields(name, values[place]))
    return fields


def sliders(form: CampaignForm) -> list[Slider]:
    """Return the sliders as the form has their fields; that of the end only where a start is told."""
    at, ends = _wall(form.at.data), _wall(form.finish_by.data)
    calls = form.calls_per_recipient.data if form.calls.data == "own" else form.calls.data
    servers = form.instances.data
    found = [
        Slider(
            "slide_calls",
            "calls",
            str(_("Calls per recipient")),
            _place(_values("slide_calls", at), "" if calls in {None, "unsure"} else str(calls)),
            _values("slide_calls", at),
            [str(_("not sure")), *(str(many) for many in range(1, MOST_CALLS + 1))],
        ),
        Slider(
            "slide_servers",
            "instances",
            str(_("Servers")),
            min(servers or 0, MOST_SERVERS),
            _values("slide_servers", at),
            [str(_("as now")), *(str(many) for many in range(1, MOST_SERVERS + 1))],
        ),
    ]
    if at is None:
        return found
    texts = [str(_("no matter when")), *(_told_end(at, after) for after in ENDS_MIN[1:])]
    wished = 0 if ends is None else max(0, int((ends - at) / _MINUTE))
    nearest = max(place for place, after in enumerate(ENDS_MIN) if after <= wished)
    return [
        Slider("slide_end", "finish_by", str(_("Finish by")), nearest, _values("slide_end", at), texts),
        *found,
    ]


def _values(name: str, at: datetime | None) -> list[str]:
    """What each place of a slider stands for, as its field has it."""
    if name == "slide_end":
        return (
            [] if at is None else ["", *(f"{at + after * _MINUTE:%Y-%m-%dT%H:%M}" for after in ENDS_MIN[1:])]
        )
    most = MOST_CALLS if name == "slide_calls" else MOST_SERVERS
    return ["", *(str(many) for many in range(1, most + 1))]


def _as_fields(name: str, value: str) -> Mapping[str, str]:
    if name == "slide_end":
        return {"finish_by": value}
    if name == "slide_servers":
        return {"instances": value}
    if value in {"", "1", "2", "3"}:
        return {"calls": value or "unsure"}
    return {"calls": "own", "calls_per_recipient": value}


def _told_end(at: datetime, after_min: int) -> str:
    end = at + after_min * _MINUTE
    return formats.time(end) if end.date() == at.date() else formats.moment(end, language())


def _place(values: Sequence[str], value: str) -> int:
    return values.index(value) if value in values else 0


def _wall(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is None and found.year < MAXYEAR else None
