"""How many of the first places misfit plainly, beside a count that looks at one place after another."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from app.board.model import Education, Member
from app.board.vocabulary import ANYWHERE, large_region, neighbours
from app.recommend.features.catalogue import build_catalogue
from app.recommend.misfit_share import TOP, ShownList, misfit_share
from tests.unit.recommend.conftest import NOW, posting

if TYPE_CHECKING:
    from app.board.model import Posting

CITIES = ("101000/강남구", "102000/김포시", "106000/해운대구", "110000/창원시")


def missed(member: Member, ad: Posting) -> tuple[bool, bool]:
    """Career, and education."""
    assert member.career_years is not None
    assert member.education is not None
    too_few = (ad.career_min_years or 0) - member.career_years > 2
    too_many = ad.career_max_years is not None and member.career_years - ad.career_max_years > 2
    return too_few or too_many, ad.education is not None and ad.education > member.education


def reach(member: Member, acted: list[Posting]) -> set[str]:
    own = {large_region(region) for region in member.regions}
    own |= {large_region(region) for ad in acted for region in ad.regions}
    return {near for area in own for near in neighbours(area) | ANYWHERE}


def far(member: Member, acted: list[Posting], ad: Posting) -> bool:
    within = reach(member, acted)
    return bool(within) and not within & {large_region(region) for region in ad.regions}


def counted(member: Member, places: list[Posting], acted: list[Posting], board: list[Posting]) -> list[int]:
    """Places that miss career, education, are out of reach for no reason, any of it."""
    fields = {*member.categories, *(name for ad in acted for name in ad.categories)}
    left_out = any(
        ad not in places[:TOP]
        and ad not in acted
        and not any(missed(member, ad))
        and not far(member, acted, ad)
        and (not fields or fields & set(ad.categories))
        for ad in board
    )
    each = [(*missed(member, ad), far(member, acted, ad) and left_out) for ad in places[:TOP]]
    return [*(sum(kind) for kind in zip(*each, strict=True)), sum(map(any, each))]


@pytest.mark.parametrize("seed", range(12))
def test_places_are_judged_as_one_by_one(seed: int) -> None:
    rng = Random(seed)
    board = [
        posting(
            number,
            regions=(CITIES[number % 4],),
            career_min_years=rng.choice([None, 0.0, 5.0]),
            career_max_years=rng.choice([None, 1.0]),
            education=rng.choice(list(Education)),
        )
        for number in range(rng.choice([4, 14]))
    ]
    catalogue = build_catalogue(board, NOW)
    shown, expected, places = [], [0] * 4, 0
    for number in range(30):
        member = Member(
            id=f"m{number}",
            categories=tuple(rng.sample(("2", "8"), rng.randrange(2))),
            regions=tuple(rng.sample(CITIES, rng.randrange(2))),
            career_years=float(rng.randrange(9)),
            education=rng.choice(list(Education)),
        )
        first = rng.sample(range(len(board)), rng.randrange(len(board) + 1))
        acted = rng.sample(range(len(board)), rng.randrange(2))
        shown.append(ShownList(member, first, acted))
        if first:
            found = counted(member, [board[at] for at in first], [board[at] for at in acted], board)
            expected = [before + more for before, more in zip(expected, found, strict=True)]
            places += len(first[:TOP])
    share = misfit_share(shown, catalogue)
    assert share.places == places
    assert [share.career, share.education, share.reach, share.any] == pytest.approx(
        [count / places for count in expected]
    )
