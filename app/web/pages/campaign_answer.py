"""From a campaign's form to what the planner says of it, or to what does not fit, by field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.capacity.plan.json_values import DefinitionError
from app.web.pages.charts.figures import Figure, ShownNumber, of_campaign, three_numbers
from app.web.pages.language import gettext as _
from app.web.pages.queries import UNSAVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.capacity.planner import CampaignJudgement, Judgement
    from app.capacity.register.plans import RegisteredPlan
    from app.web.pages.forms.campaign import CampaignForm
    from app.web.pages.queries import PlannerQueries

_ANY_KEY, _ANY_OWNER = "draft", "draft"  # a question is no campaign on record: it needs neither
_FOLDED = frozenset(
    {"retry", "abort_on_failure", "users_per_hour", "fallback_share", "fallback_at", "launched_at"}
    | {"hourly", "zones", "quiet_hours", "burst", "priority", "host"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignAnswer:
    """A campaign's judgement as a page shows it."""

    own: CampaignJudgement
    judgement: Judgement
    plan: RegisteredPlan
    chart: Figure
    numbers: Sequence[ShownNumber]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormAnswer:
    """What came of a form: an answer, or what is wrong with which field."""

    answer: CampaignAnswer | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)

    def problems(self, form: CampaignForm) -> list[tuple[str, str]]:
        """Each thing that is wrong, with its field's label."""
        return [
            (form[name].label.text if name in form else "", sentence)
            for name, sentence in self.wrong.items()
            if name != "more"
        ]


def values_of(form: CampaignForm) -> dict[str, Any]:
    """The draft that a form holds, as the register reads it."""
    return {
        "key": form.key.data or "",
        "owner": form.owner.data or "",
        "braze_campaign_id": form.braze_campaign_id.data,
        "definition": form.definition(),
    }


def answer_form(form: CampaignForm, queries: PlannerQueries, *, instead_of: int = UNSAVED) -> FormAnswer:
    """Read the form and have it judged."""
    if unread := unreadable_fields(form):
        return FormAnswer(wrong=unread)
    values = values_of(form)
    values["key"], values["owner"] = values["key"] or _ANY_KEY, values["owner"] or _ANY_OWNER
    values["definition"]["name"] = values["definition"]["name"] or str(_("This send"))
    try:
        judged = queries.ask(values, instead_of=instead_of)
    except DefinitionError as error:
        return FormAnswer(wrong=field_errors(error))
    if judged.own is None:
        return FormAnswer(wrong={"name": str(_("There is another campaign of this name."))})
    return FormAnswer(
        answer=CampaignAnswer(
            own=judged.own,
            judgement=judged.judgement,
            plan=judged.plan,
            chart=of_campaign(judged),
            numbers=three_numbers(judged),
        )
    )


def unreadable_fields(form: CampaignForm) -> dict[str, str]:
    """What was typed that no value could be read from, by field."""
    form.validate()
    return _with_fold(
        {one.name: str(one.errors[0]) for one in form if one.errors and one.name != "csrf_token"}
    )


def field_errors(error: DefinitionError) -> dict[str, str]:
    """The field at fault with a sentence in the reader's language, and the planner's own words where it has none."""
    return _with_fold({error.field or "name": _hint(error.field) or str(error)})


def _with_fold(found: dict[str, str]) -> dict[str, str]:
    return {**found, "more": "open"} if _FOLDED & found.keys() else found


def _hint(name: str | None) -> str | None:
    hints = {
        "audience": _(
            "Write how many members get the mail: 0 to 100,000,000; of three numbers the smallest first."
        ),
        "at": _("Write the day and the time it starts, on a whole minute."),
        "ends_at": _("Write an end after the start, at most seven days later."),
        "on": _("Write the day of the send."),
        "limit_per_min": _("Write a speed from 10 to 500,000 messages a minute."),
        "finish_by": _("Write a time after the start."),
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
        "host": _("Write a host name of at most 100 characters."),
        "name": _("Write a name of 1 to 100 characters that no other campaign has."),
        "key": _("Write the template's campaign= value: small letters, digits, - and _, at most 64."),
        "owner": _("Write who answers for it, at most 100 characters."),
        "braze_campaign_id": _("Copy the id from Braze's campaign page, or leave it empty."),
        "kind": _("Choose one of those offered."),
    }
    found = hints.get(name or "")
    return None if found is None else str(found)
