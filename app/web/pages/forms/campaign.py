"""The pages' forms. A campaign's fields are called as in a plan file, and give its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask_wtf import FlaskForm  # type: ignore[import-untyped] # it ships no types
from wtforms import HiddenField, PasswordField, StringField
from wtforms.i18n import get_translations
from wtforms.validators import InputRequired, Length

from app.capacity.plan.repeats import FIELD as REPEAT
from app.web.pages.forms.fields import (
    ChoiceField,
    ClockField,
    CountField,
    DayField,
    NumbersField,
    ShareField,
    WallClockField,
    WeightsField,
    WordsField,
    ZonesField,
)
from app.web.pages.language import language
from app.web.pages.language import lazy_gettext as _l

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: Final = (
    ("rate_limited", _l("Scheduled, with a delivery-speed limit")),
    ("at_once", _l("Scheduled, without a limit")),
    ("local_time_zones", _l("At each member's local time")),
    ("intelligent_timing", _l("Intelligent Timing")),
    ("triggered", _l("Triggered by what members do")),
    ("canvas_step", _l("A step of a Canvas")),
)
CALLS: Final = (
    ("unsure", _l("Not sure")),
    ("1", "1"),
    ("2", "2"),
    ("3", "3"),
    ("own", _l("Other")),
)
ON_FAILURE: Final = (
    ("blank", _l("Sends it without the postings")),
    ("abort", _l("Aborts the message")),
    ("retry", _l("Tries again (:retry)")),
)
# Which of a form's fields a kind of campaign has, beside those that all have; as in docs/plan-file.md.
_OF_ALL: Final = ("audience", "burst", "finish_by", "priority", "host", "zones", "instances")
_OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "rate_limited": ("at", "limit_per_min"),
    "at_once": ("at",),
    "local_time_zones": ("at", "launched_at", "limit_per_min"),
    "intelligent_timing": (
        *("on", "users_per_hour", "fallback_share", "fallback_at", "launched_at"),
        "limit_per_min",
    ),
    "triggered": ("at", "ends_at", "hourly", "limit_per_min"),
    "canvas_step": ("at", "ends_at", "hourly", "limit_per_min"),
}


class PageForm(FlaskForm):  # type: ignore[misc] # Flask-WTF ships no types
    """A form that complains in the page's language."""

    class Meta:
        """What WTForms asks of a form."""

        def get_translations(self, form: object) -> Any:  # noqa: ARG002 - WTForms' signature
            """WTForms' own sentences."""
            return get_translations([language()])


class SignInForm(PageForm):
    """A credential, and where to go with it."""

    name = StringField(_l("Name"), [InputRequired(_l("Write the name.")), Length(max=100)])
    secret = PasswordField(_l("Password"), [InputRequired(_l("Write the password.")), Length(max=200)])
    next = HiddenField()


class CampaignForm(PageForm):
    """A campaign: the fields of its table in a plan file, and what the register keeps beside it."""

    name = WordsField(_l("Name"))
    key = WordsField(_l("Name in the URL (campaign=)"))
    braze_campaign_id = WordsField(_l("Campaign id in Braze"))
    owner = WordsField(_l("Owner"))

    repeat_weekly_until = DayField(_l("Send every week until"))

    audience = NumbersField(_l("Recipients"))
    kind = ChoiceField(_l("How it is sent"), choices=KINDS, default="rate_limited")
    at = WallClockField(_l("Starts"))
    ends_at = WallClockField(_l("Ends"))
    on = DayField(_l("Day"))
    limit_per_min = CountField(_l("Delivery-speed limit, messages a minute"))
    finish_by = WallClockField(_l("Finish by"))
    calls = ChoiceField(_l("Calls per recipient"), choices=CALLS, default="unsure")
    calls_per_recipient = NumbersField(_l("Calls per recipient, your own number"))
    on_failure = ChoiceField(_l("When a call fails, the template"), choices=ON_FAILURE, default="blank")

    launched_at = WallClockField(_l("Launched in Braze"))
    users_per_hour = WeightsField(_l("Members by local hour, midnight first: 24 numbers"))
    fallback_share = ShareField(_l("Members without data, %"))
    fallback_at = ClockField(_l("Their local time"))
    hourly = WeightsField(_l("Weight of each hour since the start"))
    zones = ZonesField(_l("Members by time zone"))
    quiet_begin = ClockField(_l("Quiet hours begin"))
    quiet_end = ClockField(_l("Quiet hours end"))
    burst = NumbersField(_l("Burst factor"))
    priority = CountField(_l("Priority, 1 goes first"))
    host = WordsField(_l("Host name called"))
    instances = CountField(_l("Servers"))

    version = HiddenField()

    def definition(self) -> dict[str, Any]:
        """The plan file's table; what the kind does not have is left out, and what was left empty."""
        names = (*_OF_ALL, *_OF_KIND[self.kind.data], REPEAT)
        table = {name: self[name].data for name in names if self[name].data is not None}
        return {"name": self.name.data or "", "kind": self.kind.data, **table, **self._choices()}

    def _choices(self) -> dict[str, Any]:
        """The fields of the table that are asked for in another way."""
        chosen: dict[str, Any] = {}
        if self.calls.data == "own" and self.calls_per_recipient.data is not None:
            chosen["calls_per_recipient"] = self.calls_per_recipient.data
        elif self.calls.data in {"1", "2", "3"}:
            chosen["calls_per_recipient"] = int(self.calls.data)
        if self.on_failure.data != "blank":
            chosen["retry" if self.on_failure.data == "retry" else "abort_on_failure"] = True
        if self.quiet_begin.data is not None or self.quiet_end.data is not None:
            ends = {"begin": self.quiet_begin.data, "end": self.quiet_end.data}
            chosen["quiet_hours"] = {name: at for name, at in ends.items() if at is not None}
        return chosen


class ConfirmForm(PageForm):
    """One button: nothing but the proof that our page asked for it."""

    version = HiddenField()


class SentForm(PageForm):
    """How many messages Braze says it sent."""

    sent = CountField(
        _l("Messages sent, as Braze reports"), [InputRequired(_l("Write a whole number, such as 50,000."))]
    )


def typed(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The form's data for a campaign's table: the reverse of `CampaignForm.definition`."""
    calls = definition.get("calls_per_recipient")
    given = definition.get("quiet_hours")
    quiet = given if isinstance(given, dict) else {}
    failing = (
        "retry" if definition.get("retry") else "abort" if definition.get("abort_on_failure") else "blank"
    )
    return {
        **definition,
        "calls": "unsure" if calls is None else str(calls) if calls in (1, 2, 3) else "own",
        "on_failure": failing,
        "quiet_begin": quiet.get("begin"),
        "quiet_end": quiet.get("end"),
    }
