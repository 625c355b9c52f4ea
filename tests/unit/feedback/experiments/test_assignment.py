"""A member's arm is the same always and everywhere; arms get their shares; two experiments split independently."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from app.feedback.experiments.assignment import Assignment
from app.feedback.experiments.definition import Arm, Experiment

AT = datetime(2025, 1, 15, tzinfo=UTC)
MEMBERS = [f"m-{number}" for number in range(20_000)]


def split(*shares: float, salt: str = "salt") -> Assignment:
    arms = [Arm(f"arm-{number}", share, "recommended") for number, share in enumerate(shares)]
    return Assignment(Experiment("e", "weekly", salt, arms, AT))


def test_the_arms_of_these_members_are_those_written_here() -> None:
    names = [split(0.5, 0.5).arm_of(member).name for member in ("m-1", "m-2", "m-3", "회원 4", "m-5")]
    assert names == ["arm-1", "arm-0", "arm-1", "arm-0", "arm-1"]


@pytest.mark.parametrize("shares", [(0.5, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.9, 0.1), (0.01, 0.98, 0.01)])
def test_every_arm_gets_its_share(shares: tuple[float, ...]) -> None:
    counts = Counter(split(*shares).arm_of(member).name for member in MEMBERS)
    for number, share in enumerate(shares):
        spread = 4 * (share * (1 - share) * len(MEMBERS)) ** 0.5
        assert abs(counts[f"arm-{number}"] - share * len(MEMBERS)) < spread


def test_two_experiments_split_the_members_independently() -> None:
    one, other = split(0.5, 0.5, salt="one"), split(0.5, 0.5, salt="other")
    both = Counter((one.arm_of(member).name, other.arm_of(member).name) for member in MEMBERS)
    assert all(abs(count - len(MEMBERS) / 4) < 250 for count in both.values())
