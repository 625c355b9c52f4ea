"""Fields of Currents by name, as events of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from app.feedback.mail_events import EventError, from_fields

if TYPE_CHECKING:
    from app.feedback import mail_events

BASE: dict[str, Any] = {"id": "5f0c3b1e-0000-4000-8000-00000000c0de", "user_id": "u", "time": 1_795_340_400}
EMAIL = "users.messages.email."


def of(kind: str, **fields: Any) -> mail_events.MailEvent:
    return from_fields(kind if "." in kind else EMAIL + kind, BASE | fields)


def test_a_field_that_is_absent_is_as_one_that_is_null() -> None:
    full = of("Click", external_user_id=None, url=None, suspected_bot_click_reason=None, send_time=None)
    assert full == of("Click") == of("Click", external_user_id="", more="x", time=BASE["time"])
    assert (full.suspect, full.suspected, full.sent_at) == (None, None, None)


@pytest.mark.parametrize(
    ("machine_open", "kind"),
    [(None, "opened"), ("false", "opened"), ("", "opened"), ("true", "opened_by_machine"), (True, "opened_by_machine")],
)  # fmt: skip
def test_a_machine_open_is_a_text(machine_open: Any, kind: str) -> None:
    assert of("Open", machine_open=machine_open).kind == kind


def test_null_is_not_false_where_braze_was_not_asked_of_bots() -> None:
    assert of("Click", is_suspected_bot_click=False).suspect is False
    marked = of("Click", suspected_bot_click_reason=["user_agent", "ip_address", "user_agent"])
    assert (marked.suspect, marked.suspected) == (None, ("ip_address", "user_agent"))


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("550 5.1.1 <a@example.com> unknown", "550 5.1.1"),
        ("smtp; 452-4.2.2 mailbox full", "452 4.2.2"),
        ("421 try later a@example.com", "421"),
        ("a@example.com is unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_of_a_bounce_only_its_codes_are_kept(reason: str | None, why: str | None) -> None:
    assert of("Bounce", bounce_reason=reason).why == why


def test_what_was_suppressed_says_so() -> None:
    assert of("Bounce", bounce_reason="550", is_drop=True).why == "drop"


def test_an_aborts_reason_is_kept_unless_it_quotes_an_address() -> None:
    assert of("Abort", abort_type="abort_message", abort_log="no jobs").why == "abort_message: no jobs"
    assert of("Abort", abort_type="abort_message", abort_log="for a@example.com").why == "abort_message"
    assert len(of("Abort", abort_log="x" * 9999).why or "") == 200


@pytest.mark.parametrize(
    ("status", "channel", "withdrawn"),
    [
        ("Unsubscribed", "email", True),
        ("unsubscribed", None, True),
        ("Subscribed", "email", False),
        ("Opted In", "email", False),
        ("Unsubscribed", "push", None),
    ],
)
def test_consent_to_mail_is_withdrawn_or_given(status: str, channel: str | None, withdrawn: object) -> None:
    event = of("users.behaviors.subscription.GlobalStateChange", subscription_status=status, channel=channel)
    assert (event.kind, event.withdrawn) == ("consent", withdrawn)


def test_control_groups_of_campaigns_canvases_and_steps_are_known() -> None:
    assert of("users.campaigns.EnrollInControl", campaign_id="c").kind == "control"
    assert of("users.canvas.Entry", canvas_id="c", in_control_group=True).kind == "control"
    entry = of("users.canvas.Entry", canvas_id="c", canvas_variation_id="v", in_control_group=False)
    assert (entry.kind, entry.canvas_id, entry.variation_id) == ("entry", "c", "v")
    split = of(
        "users.canvas.experimentstep.SplitEntry",
        in_control_group=True,
        experiment_step_id="s",
        experiment_split_id="x",
    )
    assert (split.kind, split.variation_id, split.why) == ("control", "x", "s")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("users.canvas.Entry", {"canvas_id": "c"}),
        ("users.UserOrphan", {}),
        ("users.behaviors.subscription.GlobalStateChange", {"subscription_status": "Maybe"}),
        ("users.behaviors.subscription.GlobalStateChange", {}),
    ],
)
def test_an_event_that_does_not_say_what_it_is_for_is_refused(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(EventError):
        of(kind, **fields)


def test_an_id_that_is_no_uuid_gets_one_of_its_own() -> None:
    assert of("Send").event_id == UUID(BASE["id"])
    assert of("Send", id="abc").event_id == of("Send", id="abc").event_id != of("Send", id="abd").event_id
