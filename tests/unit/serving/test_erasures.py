"""What a worker keeps of a member goes when they are erased."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.runtime.deadline import Deadline
from app.serving.erasures import Erasures, member_hash
from app.serving.member_lists import Plan, Plans
from tests.unit.serving.fakes import Timer

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

FAR = Deadline(float("inf"))


@dataclass
class Told:
    """Who was erased, by id."""

    ids: set[str] = field(default_factory=set)
    within_s: float = 0.0

    def erased(self, within_s: float) -> AbstractSet[bytes]:
        self.within_s = within_s
        return frozenset(map(member_hash, self.ids))


def keep(plans: Plans, *members: str) -> None:
    for member in members:
        plans.get(member, 1, FAR, lambda: Plan("personalized", 1, 100.0, "a", b"\1"))


def test_the_list_of_an_erased_member_goes_and_all_others_stay() -> None:
    plans, told = Plans(size=10, fresh_s=20, stale_s=100, timer=Timer()), Told()
    keep(plans, "회원 1", "m2", "m3")
    erasures = Erasures(told, plans, kept_s=100)
    erasures.update()
    assert len(plans) == 3
    told.ids = {"회원 1", "m3", "nobody"}
    erasures.update()
    assert [plans.known(member) is None for member in ("회원 1", "m2", "m3")] == [True, False, True]
    assert told.within_s == 100


def test_a_list_that_a_call_had_read_before_and_kept_after_goes_at_the_next_look() -> None:
    plans, told = Plans(size=10, fresh_s=20, stale_s=100, timer=Timer()), Told({"m"})
    erasures = Erasures(told, plans, kept_s=100)
    erasures.update()
    keep(plans, "m")
    erasures.update()
    assert plans.known("m") is None
    keep(plans, "m")  # lifted, and known again
    erasures.update()
    assert plans.known("m") is not None
