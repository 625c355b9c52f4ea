"""What does not fit in a campaign's form: all of it at once, each with its field and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.capacity.plan.json_values import DefinitionError
from app.capacity.register.campaigns import read_draft
from app.web.pages.language import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.web.pages.forms.campaign import CampaignForm

FOLDED: Final = frozenset(
    {"retry", "abort_on_failure", "users_per_hour", "fallback_share", "fallback_at", "launched_at"}
    | {"hourly", "zones", "quiet_hours", "burst", "priority", "host", "instances"}
)
_MOST_FOUND: Final = 30
# In place of what is wrong, so that the rest can be read: any value that fits. A field without one is left out.
_STAND_INS: Final[Mapping[str, Any]] = {
    "key": "x",
    "owner": "x",
    "name": "x",
    "audience": 1,
    "limit_per_min": 10,
    "on": "2000-01-01",
    "users_per_hour": [1] * 24,
    "fallback_share": 0.0,
    "fallback_at": "00:00:00",
    "zones": {"UTC": 1},
}
_TIMES: Final = {"at": "2000-01-01T00:00:00", "ends_at": "2000-01-01T01:00:00"}
_TABLE_NAMES: Final = {
    "quiet_begin": "quiet_hours",
    "quiet_end": "quiet_hours",
    "calls": "calls_per_recipient",
}
_OF_DRAFT: Final = frozenset({"key", "owner", "braze_campaign_id"})


def find_problems(form: CampaignForm, values: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for each field that does not fit; empty where all do.

    Args:
        form: As it was typed.
        values: The draft that it gives, as `read_draft` takes it.
    """
    found = unreadable_fields(form)
    draft = {**values, "definition": dict(values["definition"])}
    for name in found:
        _stand_in(draft, _TABLE_NAMES.get(name, name))
    for _attempt in range(_MOST_FOUND):
        try:
            read_draft(draft)
        except DefinitionError as error:
            name = error.field or "name"
            if name in found:  # nothing that is put in its place mends it
                break
            found[name] = sentence_of(error)
            _stand_in(draft, name)
        else:
            break
    return found


def unreadable_fields(form: CampaignForm) -> dict[str, str]:
    """Return what was typed that no value could be read from, by field."""
    form.validate()
    return {one.name: str(one.errors[0]) for one in form if one.errors and one.name != "csrf_token"}


def with_fold(found: Mapping[str, str]) -> dict[str, str]:
    """Return the same with a mark where a field of the folded part is among them: that part is then shown open."""
    names = {_TABLE_NAMES.get(name, name) for name in found}
    return {**found, "more": "open"} if FOLDED & names else dict(found)


def _stand_in(draft: dict[str, Any], name: str) -> None:
    if name in _OF_DRAFT:
        draft[name] = _STAND_INS.get(name)
        return
    table = draft["definition"]
    table.pop(name, None)
    if name in _TIMES:
        table.pop("finish_by", None)
        table.pop("hourly", None)
        table |= {field: at for field, at in _TIMES.items() if field in table or field == name}
    elif name in _STAND_INS:
        table[name] = _STAND_INS[name]


def sentence_of(error: DefinitionError) -> str:
    """Say in the reader's language what does not fit; in the planner's English words if there is no translation."""
    hints = {
        "audience": _(
            "Write how many members get the mail: 0 to 100,000,000; of three numbers the smallest first."
        ),
        "at": _("Write the day and the time it starts, on a whole minute."),
        "ends_at": _("Write an end after the start, at most seven days later."),
        "on": _("Write the day of the send."),
        "limit_per_min": _("Write a speed from 10 to 500,000 messages a minute."),
        "finish_by": _("Write a time after the start."),
        "repeat_weekly_until": _("Write a day one to 52 weeks after the start."),
        "calls_per_recipient": _("Write 1 to 100 calls; of three numbers the smallest first."),
        "users_per_hour": _("Write 24 numbers, at least one of them above 0."),
        "fallback_share": _("Write a percentage from 0 to 100."),
        "fallback_at": _("Write the local time for members without data."),
        "launched_at": _("Write the day and time of the launch."),
        "hourly": _("Write one number for each hour that begins between start and end."),
        "zones": _("Write at least one time zone by its IANA name, such as Asia/Seoul, with its weight."),
        "quiet_hours": _("Write a beginning and an end, at most 20 hours apart."),
        "burst": _("Write 1 to 60; of three numbers the smallest first."),
        "priority": _("Write 1 to 9."),
        "instances": _("Write how many servers are to run then: 1 to 1,000."),
        "host": _("Write a host name of at most 100 characters."),
        "name": _("Write a name of 1 to 100 characters that no other campaign has."),
        "key": _("Write the template's campaign= value: small letters, digits, - and _, at most 64."),
        "owner": _("Write who answers for it, at most 100 characters."),
        "braze_campaign_id": _("Copy the id from Braze's campaign page, or leave it empty."),
        "kind": _("Choose one of those offered."),
    }
    return str(hints.get(error.field or "", error))
