"""The board has the shape of a real one, and its activity follows tastes."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.board.vocabulary import neighbours

if TYPE_CHECKING:
    from tests.unit.demo.conftest import Tables

# Quantiles 0.5, 0.75, 0.9, 0.99 of applications a member and a posting on a Korean job site (Dacon contest 236170),
# each with how far off a generated board of 1,500 postings may be.
MEMBER_QUANTILES = (3, 7, 14, 40)
POSTING_QUANTILES = (6, 9, 12, 26)
SCHOOLS = ("", "none", "high_school", "associate", "bachelor", "master", "doctor")


@pytest.mark.parametrize(("noun", "real"), [("member", MEMBER_QUANTILES), ("posting", POSTING_QUANTILES)])
def test_applications_have_the_quantiles_of_a_real_site(
    board: Tables, noun: str, real: tuple[int, ...]
) -> None:
    counts = Counter(row[f"{noun}_id"] for row in board.activity if row["kind"] == "apply")
    made = np.quantile(list(counts.values()), (0.5, 0.75, 0.9, 0.99))
    assert abs(made[0] - real[0]) <= 1
    assert np.all(np.abs(made / real - 1) <= 0.4), made


def test_views_are_many_and_scraps_are_few(board: Tables) -> None:
    kinds = board.summary.kinds
    assert kinds["view"] > 4 * kinds["apply"]
    assert 0.03 < kinds["scrap"] / kinds["view"] < 0.1


def test_some_members_only_have_a_profile_and_some_nothing(board: Tables) -> None:
    active = {row["member_id"] for row in board.activity}
    told = {m for m, row in board.members.items() if row["categories"]}
    share = {
        "both": len(active & told),
        "profile only": len(told - active),
        "activity only": len(active - told),
        "nothing": len(board.members.keys() - active - told),
    }
    assert {name: round(count / len(board.members), 1) for name, count in share.items()} == {
        "both": 0.7,
        "profile only": 0.2,
        "activity only": 0.0,
        "nothing": 0.1,
    }
    assert share["activity only"] > 100


def test_some_members_left_and_some_want_no_mail(board: Tables) -> None:
    members = board.members.values()
    assert 0.01 < sum(bool(m["withdrawn_at"]) for m in members) / len(members) < 0.03
    assert 0.09 < sum(m["mail_consent"] == "false" for m in members) / len(members) < 0.15


def test_a_few_members_have_awkward_ids(board: Tables) -> None:
    odd = [m for m in board.members if not m.startswith("m-")]
    assert odd == ["회원 000077", "m+000777/é&한", "🙂-007777"]


def test_members_apply_mostly_in_their_category_and_region(board: Tables) -> None:
    applied = [
        (board.members[row["member_id"]], board.postings[row["posting_id"]])
        for row in board.activity
        if row["kind"] == "apply" and board.members[row["member_id"]]["categories"]
    ]
    same_category = np.mean([_first(m, "categories") == _first(p, "categories") for m, p in applied])
    same_region = np.mean([_first(m, "regions") == _first(p, "regions") for m, p in applied])
    assert same_category > 0.85
    assert same_region > 0.45


def test_applications_suit_the_career_better_than_chance(board: Tables) -> None:
    def gap(member: dict[str, str], posting: dict[str, str]) -> float:
        return max(0.0, float(posting["career_min_years"] or 0) - float(member["career_years"]))

    applied = [
        (board.members[row["member_id"]], board.postings[row["posting_id"]])
        for row in board.activity
        if row["kind"] == "apply" and board.members[row["member_id"]]["career_years"]
    ]
    shuffled = np.random.default_rng(0).permutation(len(applied))
    by_chance = np.mean([gap(applied[i][0], applied[j][1]) for i, j in enumerate(shuffled)])
    assert np.mean([gap(m, p) for m, p in applied]) < by_chance / 3


def test_hardly_anybody_acts_on_what_they_are_not_fit_for_or_far_from_all_else(board: Tables) -> None:
    at = defaultdict(list)
    for row in board.activity:
        at[row["member_id"]].append(board.postings[row["posting_id"]])
    unfit = [
        misses_career(board.members[member], posting) or lacks_school(board.members[member], posting)
        for member, past in at.items()
        for posting in past
    ]
    assert 0 < np.mean(unfit) < 0.01
    alone = []
    for member, past in at.items():
        wished = set(board.members[member]["regions"].replace("|", "/").split("/"))
        areas = Counter(neighbours(_first(posting, "regions")) for posting in past)
        alone += [count == 1 and not area & wished for area, count in areas.items() for _ in range(count)]
    assert np.mean(alone) < 0.025


def misses_career(member: dict[str, str], posting: dict[str, str]) -> bool:
    """By more than two years."""
    if not member["career_years"]:
        return False
    years = float(member["career_years"])
    return (
        float(posting["career_min_years"] or 0) - years > 2
        or years - float(posting["career_max_years"] or 100) > 2
    )


def lacks_school(member: dict[str, str], posting: dict[str, str]) -> bool:
    return bool(member["education"]) and SCHOOLS.index(posting["education"]) > SCHOOLS.index(
        member["education"]
    )


def test_who_applied_together_tells_more_than_popularity(board: Tables) -> None:
    histories: dict[str, list[str]] = defaultdict(list)
    for row in board.activity:
        if row["kind"] == "apply":
            histories[row["member_id"]].append(row["posting_id"])
    held = {m: (past[:-1], past[-1]) for m, past in histories.items() if len(past) >= 3}
    popular = Counter(p for past, _ in held.values() for p in past)
    together: dict[str, Counter[str]] = defaultdict(Counter)
    for past, _ in held.values():
        for one in past:
            together[one].update(other for other in past if other != one)

    def hits(score: Counter[str], past: list[str], last: str) -> bool:
        return last in [p for p, _ in score.most_common() if p not in past][:10]

    co_applied = [
        hits(sum((together[p] for p in past), Counter()), past, last) for past, last in held.values()
    ]
    favourites = [hits(popular, past, last) for past, last in held.values()]
    assert sum(co_applied) > 5 * max(len(held) // 100, sum(favourites))


def _first(row: dict[str, str], column: str) -> str:
    return row[column].partition("|")[0].partition("/")[0]
