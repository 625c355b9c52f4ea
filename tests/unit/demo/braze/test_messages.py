"""Sends of a Canvas, in variants and with `:retry`, and what Currents is told of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.braze.calls import CallAnswer
from app.demo.braze.messages import CampaignMessage, CanvasMessage
from app.demo.braze.schemas import CANVAS_ENTRY, EMAIL, USER_DELETE_REQUEST
from app.demo.braze.sender import RETRYING
from app.demo.braze.truth import Truth
from app.feedback.mail_events import from_fields
from tests.unit.demo.braze.conftest import NOW, WEEKS_AGO, OpenPostings, everybody, make_world, read

if TYPE_CHECKING:
    from app.braze.calls import Request
    from app.demo.tastes import Tastes


@dataclass
class SometimesAway(OpenPostings):
    """The same service, which fails the first calls of some members so many times."""

    away: dict[str, int] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: Request, /) -> CallAnswer:
        member_id = urlsplit(request.url).path.split("/")[3]
        self.asked[request.url] += 1
        if self.away.get(member_id, 0) > 0:
            self.away[member_id] -= 1
            return CallAnswer(503, b"{}")
        return OpenPostings.__call__(self, request)


def events_of(files: dict[str, bytes]) -> dict[str, dict[str, dict[str, Any]]]:
    """Each event once, by its type and id, with what any of its copies says."""
    events: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for key, content in files.items():
        event_type = key.split("event_type=")[1].split("/")[0]
        for record in read(content):
            known = events[event_type].get(record["id"], {})
            events[event_type][record["id"]] = known | {k: v for k, v in record.items() if v is not None}
    return events


@pytest.fixture(scope="module")
def canvas(tastes: Tastes) -> tuple[Truth, dict[str, dict[str, dict[str, Any]]], SometimesAway]:
    """A Canvas's step in two variants, with the retrying template; some calls fail once, some for good."""
    files: dict[str, bytes] = {}
    once, for_good = everybody()[10], everybody()[12]
    service = SometimesAway(tastes, away={once: 1, for_good: 99})
    world = make_world(tastes, files, [], service)
    world.sender.template, world.sender.lost_calls = RETRYING, 0.0
    truth = Truth()
    world.send_into(
        truth, everybody(), campaign="weekly", at=WEEKS_AGO[1], canvas="journey", variants=("a", "b")
    )
    return truth, events_of(files), service


def test_a_mail_of_a_canvas_names_the_canvas_and_no_campaign(canvas: Any) -> None:
    _, events, _ = canvas
    sends = list(events[EMAIL + "Send"].values())
    assert {one.get("campaign_id") for one in sends} == {None}
    assert {(one["canvas_name"], one["canvas_step_name"]) for one in sends} == {("journey", "Jobs mail")}
    assert len({one["canvas_variation_id"] for one in sends}) == 2
    assert len({one["dispatch_id"] for one in sends}) == len(sends)
    read_back = [from_fields(EMAIL + "Send", one) for one in sends]
    assert {one.canvas_id for one in read_back} == {sends[0]["canvas_id"]}
    assert {one.variation_id for one in read_back} == {one["canvas_variation_id"] for one in sends}


def test_everybody_enters_a_canvas_and_its_control_group_gets_no_mail(canvas: Any) -> None:
    truth, events, _ = canvas
    entered = list(events[CANVAS_ENTRY].values())
    assert {one["external_user_id"] for one in entered} == set(everybody())
    assert {one["external_user_id"] for one in entered if one["in_control_group"]} == truth.held_back
    assert truth.held_back


def test_each_variant_has_its_own_word_in_the_call(canvas: Any) -> None:
    _, events, service = canvas
    asked = {parse_qs(urlsplit(url).query)["variant"][0] for url in service.asked}
    assert asked == {"a", "b"}
    assert len({one["canvas_variation_name"] for one in events[EMAIL + "Click"].values()}) == 2


def test_a_failed_call_is_tried_again_under_the_same_url_and_five_times_at_most(canvas: Any) -> None:
    truth, events, service = canvas
    retried = Counter(one["external_user_id"] for one in events[EMAIL + "Retry"].values())
    once, for_good = everybody()[10], everybody()[12]
    expected = {one: times for one, times in ((once, 1), (for_good, 5)) if one not in truth.held_back}
    assert dict(retried) == expected
    assert {one["external_user_id"] for one in events[EMAIL + "Abort"].values()} == {
        for_good
    } - truth.held_back
    asked = {url: times for url, times in service.asked.items() if f"/{once}/" in url}
    assert asked in (
        {},
        dict.fromkeys(asked, 3),
    )  # the one that failed, and one for each part; all of one URL
    assert len(asked) <= 1
    times = {one["external_user_id"]: one["time"] for one in events[EMAIL + "Send"].values()}
    for one in events[EMAIL + "Retry"].values():
        assert one["time"] < times.get(one["external_user_id"], NOW.timestamp())


def test_a_deleted_profile_is_told_by_brazes_own_id_and_gets_no_more_mail(tastes: Tastes) -> None:
    files: dict[str, bytes] = {}
    world = make_world(tastes, files, [], OpenPostings(tastes))
    gone = everybody()[:2]
    world.delete_profiles(gone, at=WEEKS_AGO[0])
    told = list(events_of(files)[USER_DELETE_REQUEST].values())
    assert {one["user_id"] for one in told} == {world.profiles.user_id(one) for one in gone}
    assert all("external_user_id" not in one for one in told)
    assert {from_fields(USER_DELETE_REQUEST, one).kind for one in told} == {"deleted"}
    truth = world.send_digest(everybody()[:20], campaign="weekly", at=WEEKS_AGO[1])
    assert not truth.held_back & {*gone}
    assert not set().union(*(arm.mailed for arm in truth.arms.values())) & {*gone}


def test_a_variant_stays_a_members_own_and_splits_them_about_evenly() -> None:
    first, second = (CampaignMessage("weekly", send, ("a", "b")) for send in ("one", "two"))
    variants = [first.variant_of(str(number)) for number in range(1_000)]
    assert variants == [second.variant_of(str(number)) for number in range(1_000)]
    assert 400 < variants.count("a") < 600
    assert CampaignMessage("weekly", "one").variant_of("1") is None
    assert (
        first.dispatch_of("1")
        == first.dispatch_of("2")
        != CanvasMessage("weekly", "one", "c").dispatch_of("1")
    )
