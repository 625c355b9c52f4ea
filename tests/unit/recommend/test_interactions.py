"""What members did, a pair each, and what it weighs."""

from __future__ import annotations

import numpy as np
import pytest

from app.board.model import ActivityKind, ActivityLog
from app.recommend.interactions import build_interactions


def test_what_is_dated_ahead_is_as_old_as_the_latest_that_is_not_and_ages_nothing() -> None:
    day = 86_400
    done = np.array([10, 400, 410], np.int64) * day

    def weights(*at: int) -> list[float]:
        log = ActivityLog(
            np.arange(len(at), dtype=np.int32),
            np.zeros(len(at), np.int32),
            np.full(len(at), ActivityKind.VIEW, np.int8),
            np.array(at, np.int64),
        )
        interactions = build_interactions(log, members=4, postings=1, now_s=420 * day)
        assert interactions.scale.latest_s == 410 * day
        return [float(each) for each in interactions.weight / interactions.weight[2]]

    assert weights(*done, 47_000 * day) == pytest.approx([*weights(*done), 1.0])
    nobody = np.zeros(1, np.int32)
    only = ActivityLog(nobody, nobody, np.ones(1, np.int8), np.array([9 * day]))
    assert build_interactions(only, members=1, postings=1, now_s=day).scale.latest_s == day


def test_a_pair_keeps_its_strongest_kind_and_its_last_time() -> None:
    day = 86_400
    log = ActivityLog(
        np.array([0, 0, 0, 1], np.int32),
        np.array([5, 2, 5, 5], np.int32),
        np.array([ActivityKind.APPLY, ActivityKind.VIEW, ActivityKind.VIEW, ActivityKind.SCRAP], np.int8),
        np.array([1, 2, 3, 3], np.int64) * day,
    )
    interactions = build_interactions(log, members=2, postings=6, now_s=9 * day)
    assert (interactions.member.tolist(), interactions.posting.tolist()) == ([0, 0, 1], [2, 5, 5])
    assert interactions.kind.tolist() == [ActivityKind.VIEW, ActivityKind.APPLY, ActivityKind.SCRAP]
    assert (interactions.at // day).tolist() == [2, 3, 3]
    assert interactions.weight[1] > interactions.weight[2] > interactions.weight[0]
    assert interactions.weight.mean() == pytest.approx(1)
