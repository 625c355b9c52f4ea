"""What each answer does to a batch, one row of the table in docs/sync.md a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.runtime.outgoing import HttpAnswer
from app.sync.answers import BatchFate, fate_of
from app.sync.courier import (
    PAUSE_S,
    TOO_FAST_TRIES,
    TRIES,
    Courier,
    Manner,
    RunPausedError,
    RunStoppedError,
)
from app.sync.definition import PaceLimits
from app.sync.door import DoorLimits
from app.sync.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OK = HttpAnswer(201)


class ScriptedDoor:
    """A door for whole numbers that answers as it is told."""

    who, identity = "There", "there"

    def __init__(self, answer: Callable[[Sequence[int]], HttpAnswer], objects: int = 8) -> None:
        self.limits = DoorLimits(objects=objects, most_bytes=1_000, requests=3_000)
        self.answer = answer
        self.batches: list[list[int]] = []

    def send(self, batch: Sequence[int]) -> HttpAnswer:
        self.batches.append(list(batch))
        return self.answer(batch)

    def fate(self, answer: HttpAnswer) -> BatchFate:
        return fate_of(
            answer,
            who=self.who,
            key="CJ_KEY",
            said=lambda body: body.decode(),
            refused=lambda body: {int(body): "it is odd"} if body else {},
        )


class Delivered:
    """What became of one to eight."""

    def __init__(
        self, door: Any, *, repeat: bool = True, limits: PaceLimits | None = None, wait_long: bool = True
    ) -> None:
        self.now = 1_800_000_000.0
        self.taken: list[int] = []
        self.refused: dict[int, str] = {}
        self.unknown: list[int] = []
        self.paused: list[float | None] = []
        manner = Manner(
            repeat_unknown=repeat,
            clock=lambda: self.now,
            sleep=self.sleep,
            wait_long=wait_long,
            paused=self.paused.append,
        )
        self.courier: Courier[int] = Courier(door, Pacer(limits or PaceLimits(), requests=3_000), manner)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def deliver(self, batch: Sequence[int] = range(1, 9)) -> Delivered:
        for one in self.courier.deliver(batch):
            self.taken += one.taken
            self.refused |= dict(one.refused)
            self.unknown += one.unknown
        return self


def in_turn(*answers: HttpAnswer) -> Callable[[Sequence[int]], HttpAnswer]:
    left = list(answers)
    return lambda _batch: left.pop(0) if left else OK


def test_what_a_201_names_is_refused_and_the_rest_is_taken() -> None:
    found = Delivered(ScriptedDoor(in_turn(HttpAnswer(201, body=b"2")))).deliver()
    assert (found.taken, found.refused) == ([1, 2, 4, 5, 6, 7, 8], {3: "it is odd"})


@pytest.mark.parametrize("status", [400, 413])
def test_a_batch_that_is_refused_as_such_is_halved_until_the_guilty_is_alone(status: int) -> None:
    door = ScriptedDoor(lambda batch: HttpAnswer(status, body=b"bad") if 6 in batch else OK)
    found = Delivered(door).deliver()
    assert (sorted(found.taken), found.refused) == ([1, 2, 3, 4, 5, 7, 8], {6: "There refuses it: bad."})
    assert len(door.batches) == 7


def test_a_limit_of_objects_is_learnt_from_two_halves_that_are_taken() -> None:
    door = ScriptedDoor(lambda batch: HttpAnswer(400) if len(batch) > 5 else OK)
    found = Delivered(door).deliver()
    found.deliver()
    assert [len(batch) for batch in door.batches] == [8, 4, 4, 4, 4]
    assert len(found.taken) == 16


def test_a_429_that_says_nothing_of_limits_may_mean_too_many_objects() -> None:
    door = ScriptedDoor(lambda batch: HttpAnswer(429) if len(batch) > 5 else OK)
    assert sorted(Delivered(door).deliver().taken) == list(range(1, 9))


def test_after_a_429_the_same_batch_goes_when_the_headers_say() -> None:
    door = ScriptedDoor(in_turn(HttpAnswer(429, {"x-ratelimit-retry-after": "2"})))
    found = Delivered(door)
    found.deliver()
    assert (found.now - 1_800_000_000.0, len(found.taken), found.courier.counts.throttled) == (2.0, 8, 1)


@pytest.mark.parametrize(
    "answer", [HttpAnswer(500), HttpAnswer(408), HttpAnswer(None, failure="cut")], ids=["500", "408", "cut"]
)
def test_an_unknown_outcome_is_repeated_where_that_changes_nothing_and_told_elsewhere(
    answer: HttpAnswer,
) -> None:
    assert len(Delivered(ScriptedDoor(in_turn(answer, answer))).deliver().taken) == 8
    told = Delivered(ScriptedDoor(in_turn(answer)), repeat=False).deliver()
    assert (told.taken, len(told.unknown)) == ([], 8)


def test_what_never_left_is_always_repeated() -> None:
    never = HttpAnswer(None, sent=False, failure="refused")
    assert len(Delivered(ScriptedDoor(in_turn(never)), repeat=False).deliver().taken) == 8


def test_a_destination_that_stays_away_ends_the_run() -> None:
    door = ScriptedDoor(lambda _batch: HttpAnswer(503))
    with pytest.raises(RunStoppedError, match=r"There answers 503, 6 times\. Run it again"):
        Delivered(door).deliver()
    assert len(door.batches) == TRIES


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "There does not know the key: see CJ_KEY"),
        (403, "There knows the key, which lacks the permission"),
        (404, "There does not know this address"),
        (302, "There answers 302"),
    ],
)
def test_a_key_a_permission_and_an_address_end_the_run_at_once(status: int, sentence: str) -> None:
    door = ScriptedDoor(lambda _batch: HttpAnswer(status))
    with pytest.raises(RunStoppedError, match=sentence):
        Delivered(door).deliver()
    assert len(door.batches) == 1


def test_a_destination_that_refuses_each_object_alone_ends_the_run() -> None:
    found = Delivered(ScriptedDoor(lambda _batch: HttpAnswer(400, body=b"no app")))
    with pytest.raises(
        RunStoppedError, match=r"Each of the last 17 objects was refused\. There refuses it: no app"
    ):
        found.deliver(range(100))


class NamingDoor(ScriptedDoor):
    """A door whose 400 names what was wrong, and takes nothing."""

    def fate(self, answer: HttpAnswer) -> BatchFate:
        if answer.status == 400 and answer.body:
            return BatchFate("divide", {int(one): f"{int(one)} is wrong." for one in answer.body.split()})
        return super().fate(answer)


def test_what_a_refusal_of_the_whole_names_is_left_out_and_the_rest_is_sent_again() -> None:
    door = NamingDoor(in_turn(HttpAnswer(400, body=b"1 6"), HttpAnswer(400, body=b"0")))
    found = Delivered(door).deliver()
    assert [len(batch) for batch in door.batches] == [8, 6, 5]
    assert found.taken == [3, 4, 5, 6, 8]
    assert found.refused == {2: "1 is wrong.", 7: "6 is wrong.", 1: "0 is wrong."}


def test_names_that_are_none_of_the_batch_are_no_help_and_it_is_halved() -> None:
    door = NamingDoor(lambda batch: HttpAnswer(400, body=b"-1 99") if 6 in batch else OK)
    found = Delivered(door).deliver()
    assert sorted(found.taken) == [1, 2, 3, 4, 5, 7, 8]
    assert list(found.refused) == [6]


def test_a_destination_that_names_each_object_ends_the_run() -> None:
    door = NamingDoor(lambda batch: HttpAnswer(400, body=b" ".join(b"%d" % at for at in range(len(batch)))))
    found = Delivered(door)
    with pytest.raises(RunStoppedError, match=r"Each of the last 19 objects was refused\. 0 is wrong"):
        found.deliver(range(100))
    assert len(door.batches) == 4


@pytest.mark.parametrize(
    ("headers", "objects"), [({"retry-after": "30"}, 8), ({}, 1)], ids=["with a hint", "silent"]
)
def test_a_429_that_does_not_end_pauses_the_run_with_a_sentence(
    headers: dict[str, str], objects: int
) -> None:
    door = ScriptedDoor(lambda _batch: HttpAnswer(429, headers))
    found = Delivered(door)
    with pytest.raises(RunPausedError) as paused:
        found.deliver(range(objects))
    assert len(door.batches) == TOO_FAST_TRIES
    assert paused.value.until == found.now + PAUSE_S
    assert paused.value.sentence == "There has answered 429 to one request 12 times in turn."


def test_a_spent_hour_is_a_pause_that_is_told_and_over_with_the_clock_hour() -> None:
    limits = PaceLimits(requests_per_hour=2, share=1.0)
    found = Delivered(ScriptedDoor(lambda _batch: OK, objects=4), limits=limits)
    found.deliver(range(12))
    assert found.paused == [1_800_003_600.0, None]
    assert len(found.taken) == 12
    with pytest.raises(RunPausedError) as paused:
        Delivered(ScriptedDoor(lambda _batch: OK, objects=4), limits=limits, wait_long=False).deliver(
            range(12)
        )
    assert paused.value.until == 1_800_003_600.0
