"""The form of what all campaigns share: its fields, and the workspace's values that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wtforms import HiddenField

from app.capacity.plan.plan import Judging
from app.web.pages.forms.campaign import PageForm
from app.web.pages.forms.fields import AmountField, ClockField, CountField, HoursField, ShareField
from app.web.pages.language import gettext as _
from app.web.pages.language import lazy_gettext as _l

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_JUDGING: Final = ("usable_share", "evidence_max_age_days", "base_load_rps")


class WorkspaceForm(PageForm):
    """What all campaigns share, but for what only the API sets: zone, offered speeds, assumptions."""

    workspace_limit_per_min = CountField(_l("Limit of the workspace, messages a minute"))
    usable_share = ShareField(_l("Usable share of the guaranteed rate, %"))
    evidence_max_age_days = AmountField(_l("Load tests hold for, days"))
    night_begin = ClockField(_l("Night from"))
    night_end = ClockField(_l("Night until"))
    base_load_rps = HoursField(_l("Other traffic, calls a second"))
    version = HiddenField()

    def definition(self, of_now: Mapping[str, Any]) -> dict[str, Any]:
        """The workspace's values as the form has them, what it does not show as it is now."""
        judging = dict(of_now.get("judging", {}))
        for name in _OF_JUDGING:
            judging[name] = self[name].data
        night = {"begin": self.night_begin.data, "end": self.night_end.data}
        judging["night"] = night if any(night.values()) else None
        kept = {name: value for name, value in judging.items() if value is not None}
        limit = self.workspace_limit_per_min.data
        return {
            **{
                name: value
                for name, value in of_now.items()
                if name not in {"judging", "workspace_limit_per_min"}
            },
            **({"workspace_limit_per_min": limit} if limit is not None else {}),
            **({"judging": kept} if kept else {}),
        }


def data_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The form's data for a workspace; what it leaves out is shown as what then holds, but for the limit: there is none."""
    judging, usual = definition.get("judging", {}), Judging()
    night = judging.get("night", {})
    return {
        "workspace_limit_per_min": definition.get("workspace_limit_per_min"),
        "usable_share": judging.get("usable_share", usual.usable_share),
        "evidence_max_age_days": judging.get("evidence_max_age_days", int(usual.evidence_max_age_days)),
        "night_begin": night.get("begin", usual.night.begin.isoformat()),
        "night_end": night.get("end", usual.night.end.isoformat()),
        "base_load_rps": judging.get("base_load_rps", 0),
    }


def what_to_write(field: str) -> str:
    """How to mend a field that the plan's reader refuses."""
    ways = {
        "workspace_limit_per_min": _("Write a whole number from 10 to 100,000,000, or leave it empty."),
        "usable_share": _("Write a percentage from 1 to 100."),
        "evidence_max_age_days": _("Write a number of days from 0 to 3,650."),
        "night": _("Write both times, such as 21:00 and 08:00; the same twice for no night."),
        "base_load_rps": _(
            "Write one number from 0 to 1,000,000, or 24 with commas between, from midnight on."
        ),
    }
    return str(ways[field])
