"""A small generated board with two trades in two cities, for tests of behaviour (never of quality)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.board.model import ActivityKind, ActivityLog, Education, Member, Posting
from app.recommend.options import Options
from app.recommend.recommender import Recommender, fit
from app.recommend.scoring.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
TRADES = {"2": "백엔드 개발자 Python", "8": "해외영업 관리자"}
CITIES = ("101000/강남구", "106000/해운대구")


def posting(number: int, **changes: Any) -> Posting:
    """An open posting; even numbers are of the first trade, every other pair in the first city."""
    trade = list(TRADES)[number % 2]
    usual: dict[str, Any] = {
        "id": f"p{number:04}",
        "title": f"{TRADES[trade]} {number}",
        "company_id": f"c{number // 4}",
        "company": f"회사 {number // 4}",
        "categories": (trade,),
        "regions": (CITIES[number // 2 % 2],),
        "education": Education.BACHELOR,
        "opened_at": NOW - timedelta(days=5 + number % 20),
        "url": f"https://board.example/{number}",
        "updated_at": NOW,
    }
    return Posting(**(usual | changes))


def log(rows: Sequence[tuple[int, int, ActivityKind, datetime]]) -> ActivityLog:
    """Activity of (member, posting, kind, at), sorted as the recommender wants it."""
    rows = sorted(rows, key=lambda row: (row[0], row[3], row[1], row[2]))
    return ActivityLog(
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1] for row in rows], np.int32),
        np.array([row[2] for row in rows], np.int8),
        np.array([int(row[3].timestamp()) for row in rows], np.int64),
    )


@dataclass(frozen=True)
class Board:
    postings: list[Posting]
    members: list[Member]
    activity: ActivityLog

    def profiles(self, positions: Sequence[int]) -> list[Member]:
        return [self.members[position] for position in positions]

    def fit(
        self,
        *,
        learn: bool = False,
        progress: Callable[[str, float], None] = lambda _stage, _share: None,
        **options: Any,
    ) -> Recommender:
        """The stated weights stand unless they are to be learned, which takes twice as long."""
        ids = [member.id for member in self.members]
        return fit(
            self.postings,
            ids,
            self.activity,
            self.profiles,
            now=NOW,
            options=Options(**options),
            known=None if learn else Weights(),
            progress=progress,
        )


def make_board(members: int = 60, postings: int = 80, seed: int = 1) -> Board:
    """Members apply within their trade and mostly in their city; the last ten have done nothing."""
    random = np.random.default_rng(seed)
    ads = [posting(number) for number in range(postings)]
    people, rows = [], []
    for number in range(members):
        trade, city = list(TRADES)[number % 2], CITIES[number // 2 % 2]
        people.append(
            Member(
                id=f"m{number:04}",
                categories=(trade,),
                regions=(city,),
                skills=("Python",) if trade == "2" else ("해외영업",),
                career_years=float(number % 10),
            )
        )
        fitting = [at for at, ad in enumerate(ads) if ad.categories == (trade,) and ad.regions == (city,)]
        if number < members - 10:
            chosen = random.choice(fitting, 5, replace=False)
            kinds = [
                ActivityKind.VIEW,
                ActivityKind.SCRAP,
                ActivityKind.APPLY,
                ActivityKind.APPLY,
                ActivityKind.APPLY,
            ]
            rows += [
                (number, int(at), kind, NOW - timedelta(days=step + 1))
                for step, (at, kind) in enumerate(zip(chosen, kinds, strict=True))
            ]
    return Board(ads, people, log(rows))


@pytest.fixture(scope="session")
def board() -> Board:
    return make_board()


@pytest.fixture(scope="session")
def model(board: Board) -> Recommender:
    return board.fit()


@pytest.fixture(scope="session")
def crowd() -> Board:
    """So many postings that only some are worth scoring for a member."""
    return make_board(members=200, postings=360)


@pytest.fixture(scope="session")
def crowd_model(crowd: Board) -> Recommender:
    """Without a cap on congestion."""
    return crowd.fit(congestion_share=1.0)


@pytest.fixture(scope="session")
def new_posting() -> Callable[..., Posting]:
    return posting


@pytest.fixture(scope="session")
def new_board() -> Callable[..., Board]:
    return make_board
