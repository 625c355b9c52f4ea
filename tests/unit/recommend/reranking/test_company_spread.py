"""No company fills a list."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.recommend.reranking.company_spread import spread, spread_rows


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 3), st.integers(0, 30))
def test_spreading_loses_nothing_and_delays_only_what_is_over_a_companys_share(
    companies: list[str], per_company: int, limit: int
) -> None:
    ranked = list(enumerate(companies))
    found = spread(ranked, company_of=lambda item: item[1], per_company=per_company, limit=limit)
    whole = spread(ranked, company_of=lambda item: item[1], per_company=per_company, limit=len(ranked))
    assert found == whole[:limit]
    assert sorted(whole) == ranked
    kept = whole[: sum(min(companies.count(each), per_company) for each in set(companies))]
    assert kept == sorted(kept)
    assert all([company for _, company in kept].count(each) <= per_company for each in set(companies))


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=12, max_size=12), min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_many_rankings_are_spread_as_each_alone(
    companies: list[list[int]], per_company: int, limit: int, missing: int
) -> None:
    there = np.arange(12) < 12 - missing
    found = spread_rows(
        np.array(companies),
        there=np.broadcast_to(there, (len(companies), 12)),
        exempt=np.zeros((len(companies), 12), np.bool_),
        per_company=per_company,
        limit=limit,
    )
    for row, places in zip(companies, found.tolist(), strict=True):
        names = list(map(str, row))
        alone = spread(
            range(12 - missing), company_of=names.__getitem__, per_company=per_company, limit=limit
        )
        assert [at for at in places if at >= 0] == alone


def test_a_company_that_was_asked_for_is_not_held_back() -> None:
    company = np.array([[0, 0, 0, 1, 1, 1]])
    found = spread_rows(company, there=company >= 0, exempt=company == 1, per_company=1, limit=6)
    assert found.tolist() == [[0, 3, 4, 5, 1, 2]]
