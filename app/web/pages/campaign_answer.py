"""From a campaign's form to what the planner says of it, or to what does not fit, by field."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app.capacity.open_question import FEWEST, Question
from app.capacity.plan.json_values import DefinitionError
from app.web.pages.charts.figures import Figure, ShownNumber, of_campaign, servers, three_numbers
from app.web.pages.charts.svg import MEDIUM
from app.web.pages.forms.problems import find_problems, sentence_of, with_fold
from app.web.pages.language import gettext as _
from app.web.pages.queries import UNSAVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.capacity.planner import CampaignJudgement, Judgement
    from app.capacity.register.plans import RegisteredPlan
    from app.web.pages.forms.campaign import CampaignForm
    from app.web.pages.queries import Answered, PlannerQueries

_ANY_KEY, _ANY_OWNER = "draft", "draft"  # a question is no campaign on record: it needs neither


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignAnswer:
    """A campaign's judgement as a page shows it."""

    own: CampaignJudgement
    judgement: Judgement
    plan: RegisteredPlan
    chart: Figure
    numbers: Sequence[ShownNumber]
    found: Answered


@dataclass(frozen=True, slots=True, kw_only=True)
class FormAnswer:
    """What came of a form: an answer, or what is wrong with which field."""

    answer: CampaignAnswer | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)

    def problems(self, form: CampaignForm) -> list[tuple[str, str, str]]:
        """Each thing that is wrong: the field's name, its label, and the sentence."""
        shown = {"quiet_hours": "quiet_begin", "retry": "on_failure", "abort_on_failure": "on_failure"}
        fields = (
            (shown.get(name, name), sentence) for name, sentence in self.wrong.items() if name != "more"
        )
        return [(name, form[name].label.text if name in form else "", said) for name, said in fields]


def values_of(form: CampaignForm) -> dict[str, Any]:
    """The draft that a form holds, as the register reads it."""
    return {
        "key": form.key.data or "",
        "owner": form.owner.data or "",
        "braze_campaign_id": form.braze_campaign_id.data,
        "definition": form.definition(),
    }


def answer_form(form: CampaignForm, queries: PlannerQueries, *, instead_of: int = UNSAVED) -> FormAnswer:
    """Read the form and have it judged; an empty speed or audience is what is asked for."""
    values = values_of(form)
    values["key"], values["owner"] = values["key"] or _ANY_KEY, values["owner"] or _ANY_OWNER
    values["definition"]["name"] = values["definition"]["name"] or str(_("This send"))
    try:
        settled = Question(values["definition"]).settled()
    except DefinitionError:
        return FormAnswer(wrong=with_fold(_one_of_both(form, values)))
    if problems := find_problems(form, {**values, "definition": settled}):
        return FormAnswer(wrong=with_fold(problems))
    try:
        found = queries.ask(values, instead_of=instead_of)
    except DefinitionError as error:
        return FormAnswer(wrong=with_fold({error.field or "name": sentence_of(error)}))
    judged = found.judged
    own = judged.own
    if found.open_speed:  # judged as without a limit, and asked as one with a limit that is to be found
        own = replace(own, kind="rate_limited")
    return FormAnswer(
        answer=CampaignAnswer(
            own=own,
            judgement=judged.judgement,
            plan=judged.plan,
            chart=of_campaign(judged, open_speed=found.open_speed, wide=MEDIUM),
            numbers=[
                *three_numbers(judged),
                servers(found.instances, open_speed=found.open_speed, has_end=own.finish_by is not None),
            ],
            found=found,
        )
    )


def _one_of_both(form: CampaignForm, values: Mapping[str, Any]) -> dict[str, str]:
    """What does not fit where neither an audience nor an end is told: one of them is wanted."""
    table = {"audience": FEWEST, **values["definition"]}
    table |= {"kind": "at_once"} if Question(table).open_speed else {}
    wanted = _(
        "Write how many members get the mail; or leave this empty, write an end, and see how many may."
    )
    return {"audience": str(wanted), **find_problems(form, {**values, "definition": table})}
