"""Weights are learned from what members chose."""

from __future__ import annotations

import numpy as np
import pytest

from app.recommend.scoring.pairs import pairs_of
from app.recommend.scoring.signals import BlockSignals
from app.recommend.scoring.weight_learning import HEAD, TrainingBlock, fit_weights, training_block
from app.recommend.scoring.weights import Signal


@pytest.mark.parametrize(
    ("true", "low", "high"), [(2.0, 1.7, 2.3), (-2.0, 0.0, 0.0)], ids=["liked", "disliked"]
)
def test_weights_are_learned_from_what_was_chosen_and_never_below_zero(
    true: float, low: float, high: float
) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(800 * 5, 1)).astype(np.float32)
    likely = np.exp(true * values[:, 0]).reshape(800, 5)
    picked = [int(random.choice(5, p=each / each.sum())) for each in likely]
    starts = np.arange(800) * 5
    learned, taught = fit_weights(
        [TrainingBlock(values, starts, starts + np.array(picked))], {Signal.COLLABORATIVE: 1.0}
    )
    assert taught == 800
    assert low <= learned[Signal.COLLABORATIVE] <= high


def test_members_teach_with_the_head_of_their_list_where_what_they_chose_is_in_it() -> None:
    postings = np.arange(2 * HEAD)
    pairs = pairs_of([postings, postings, postings[:3]], postings)
    rising = np.concatenate([postings, postings, [1, 2, 3]]).astype(np.float32)
    nowhere = np.zeros(len(rising), np.bool_)
    signals = BlockSignals(pairs, {Signal.COLLABORATIVE: rising}, True, nowhere, nowhere, nowhere, nowhere)
    block = training_block(signals, np.array([HEAD + 5, HEAD - 1, 0], np.int32), {Signal.COLLABORATIVE: 1.0})
    assert block.starts.tolist() == [0, HEAD]
    assert block.values[block.chosen, 0].tolist() == [HEAD + 5, 1]
    assert len(block.values) == HEAD + 3
