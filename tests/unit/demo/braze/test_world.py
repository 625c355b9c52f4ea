"""Two digests through the double: what is written of them says what happened, and no more."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from app.board.model import ActivityKind
from app.demo.braze.schemas import EMAIL, ENROLL_IN_CONTROL
from app.demo.braze.truth import Truth
from tests.unit.demo.braze.conftest import NOW, WEEKS_AGO, OpenPostings, everybody, make_world, read

if TYPE_CHECKING:
    from app.demo.braze.world import BoardAction
    from app.demo.tastes import Tastes

CAMPAIGN = "weekly-digest"
REFUSED, LEFT, BOUNCED = "m-000003", "m-000005", "m-000006"


@dataclass(frozen=True)
class Lived:
    """What two digests left behind: events by type, each once, and how many copies there were."""

    truth: Truth
    actions: list[BoardAction]
    events: dict[str, dict[str, dict[str, Any]]]
    copies: int

    def of(self, name: str) -> list[dict[str, Any]]:
        return list(self.events[EMAIL + name].values())


def lived(tastes: Tastes) -> Lived:
    files: dict[str, bytes] = {}
    actions: list[BoardAction] = []
    world = make_world(tastes, files, actions, OpenPostings(tastes, refused={REFUSED}))
    world.profiles.unsubscribed.add(LEFT)
    world.profiles.undeliverable.add(BOUNCED)
    truth = Truth()
    for at in WEEKS_AGO:
        world.send_into(truth, everybody(), campaign=CAMPAIGN, at=at)
    events: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    copies = 0
    for key, content in files.items():
        event_type = key.split("event_type=")[1].split("/")[0]
        for record in read(content):
            copies += 1
            known = events[event_type].get(record["id"], {})
            events[event_type][record["id"]] = known | {k: v for k, v in record.items() if v is not None}
    return Lived(truth, actions, events, copies)


@pytest.fixture(scope="module")
def two_weeks(tastes: Tastes) -> Lived:
    return lived(tastes)


def test_everybody_is_mailed_aborted_held_back_or_left_out_for_a_reason(two_weeks: Lived) -> None:
    truth = two_weeks.truth
    mailed = set().union(*(arm.mailed for arm in truth.arms.values()))
    assert set(truth.arms) == {"a", "b"}
    aborted = {event["external_user_id"] for event in two_weeks.of("Abort")}
    assert mailed | truth.held_back | aborted | {LEFT, BOUNCED} == set(everybody())
    assert not mailed & (truth.held_back | {LEFT, BOUNCED, REFUSED})
    assert {event["external_user_id"] for event in two_weeks.of("Send")} == mailed
    assert {
        event["external_user_id"] for event in two_weeks.events[ENROLL_IN_CONTROL].values()
    } == truth.held_back
    assert len(two_weeks.of("Abort")) == truth.aborted
    assert REFUSED in aborted
    assert len(two_weeks.of("Send")) == sum(arm.mails for arm in truth.arms.values())


def test_clicks_of_people_and_of_scanners_can_be_told_apart(two_weeks: Lived) -> None:
    """By Braze's reasons, or by four links of one mail within ten seconds."""
    scanned, people = 0, defaultdict(set)
    of_mail = defaultdict(list)
    for click in two_weeks.of("Click"):
        of_mail[click["external_user_id"], click["dispatch_id"]].append(click)
    for (member, _), clicks in of_mail.items():
        for click in clicks:
            near = {other["url"] for other in clicks if abs(other["time"] - click["time"]) <= 10}
            if click.get("suspected_bot_click_reason") or len(near) >= 4:
                scanned += 1
            else:
                people["ab"["&arm=b" in click["url"]]].add(member)
    assert scanned == sum(arm.scanner_clicks for arm in two_weeks.truth.arms.values()) > 50
    assert people == {name: arm.clicked for name, arm in two_weeks.truth.arms.items()}
    assert {click.get("is_suspected_bot_click") for click in two_weeks.of("Click")} == {None}


def test_nothing_happens_ahead_of_now_or_before_the_mail(two_weeks: Lived) -> None:
    sent = {
        event["external_user_id"]: event["time"]
        for event in sorted(two_weeks.of("Send"), key=lambda e: -e["time"])
    }
    times = [event["time"] for events in two_weeks.events.values() for event in events.values()]
    assert max(times) <= NOW.timestamp()
    assert all(action.at_s > sent[action.member_id] for action in two_weeks.actions)
    assert max(action.at_s for action in two_weeks.actions) <= NOW.timestamp()
    assert two_weeks.copies > sum(map(len, two_weeks.events.values()))


def test_applications_on_the_board_are_those_of_the_truth(two_weeks: Lived) -> None:
    applied = [action for action in two_weeks.actions if action.kind is ActivityKind.APPLY]
    assert {action.member_id for action in applied} == set().union(
        *(arm.applied for arm in two_weeks.truth.arms.values())
    )
    assert len(applied) == sum(arm.applications.total() for arm in two_weeks.truth.arms.values()) > 0


def test_an_abort_says_why_in_at_most_128_characters(two_weeks: Lived) -> None:
    assert all(0 < len(event["abort_log"]) <= 128 for event in two_weeks.of("Abort"))


def test_extras_of_a_send_are_json_text_of_texts(two_weeks: Lived) -> None:
    for event in two_weeks.of("Send"):
        extras = json.loads(event.get("message_extras") or "{}")
        assert all(isinstance(value, str) for value in extras.values())
