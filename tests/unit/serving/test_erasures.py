"""What a worker keeps of a member goes when they are erased."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.runtime.deadline import Deadline
from app.serving.erasures import Erasures, member_hash
from app.serving.member_lists import MemberList, MemberLists
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


def keep(member_lists: MemberLists, *members: str) -> None:
    for member in members:
        member_lists.get(
            member, 1, "send", FAR, lambda: MemberList("personalized", 1, 100.0, "a", b"\1", send_key="send")
        )


def test_the_list_of_an_erased_member_goes_and_all_others_stay() -> None:
    member_lists, told = MemberLists(size=10, fresh_s=20, stale_s=100, timer=Timer()), Told()
    keep(member_lists, "회원 1", "m2", "m3")
    erasures = Erasures(told, member_lists, kept_s=100)
    erasures.update()
    assert len(member_lists) == 3
    told.ids = {"회원 1", "m3", "nobody"}
    erasures.update()
    assert [member_lists.last_known(member) is None for member in ("회원 1", "m2", "m3")] == [
        True,
        False,
        True,
    ]
    assert told.within_s == 100


def test_a_list_that_a_call_had_read_before_and_kept_after_goes_at_the_next_look() -> None:
    member_lists, told = MemberLists(size=10, fresh_s=20, stale_s=100, timer=Timer()), Told({"m"})
    erasures = Erasures(told, member_lists, kept_s=100)
    erasures.update()
    keep(member_lists, "m")
    erasures.update()
    assert member_lists.last_known("m") is None
    keep(member_lists, "m")  # lifted, and known again
    erasures.update()
    assert member_lists.last_known("m") is not None
