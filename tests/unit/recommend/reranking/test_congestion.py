"""Prices keep a posting to its share of the lists."""

from __future__ import annotations

import numpy as np

from app.recommend.reranking.congestion import prices


def test_prices_hold_a_posting_that_everybody_likes_to_its_share() -> None:
    random = np.random.default_rng(0)
    lists = []
    for _ in range(200):
        scores = random.uniform(0, 1, 60)
        scores[7] += 0.9
        order = np.argsort(-scores)
        lists.append((order.astype(np.int64), scores[order].astype(np.float32)))
    found = prices(lists, share=0.3, postings=1_000)

    def top_tens(charged: dict[int, float]) -> float:
        tops = [
            postings[np.argsort(-(scores - np.array([charged.get(int(each), 0.0) for each in postings])))][
                :10
            ]
            for postings, scores in lists
        ]
        return sum(7 in top for top in tops) / len(lists)

    assert top_tens({}) > 0.9
    assert 0.25 <= top_tens(found) <= 0.3
