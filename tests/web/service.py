"""The whole application in this process on a real Postgres, with a clock of the test's own."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS
from app.runtime.circuit_breaker import CircuitBreaker
from app.serving_parts import Observers, build_serving
from app.settings import Settings
from app.web.content.app import create_app
from app.web.content.parts import ContentParts
from app.web.limits import CallLimits
from app.web.observability.logs import AccessLog
from app.web.observability.metrics import Instruments
from tests.web.board import NOW
from tests.web.wire import basic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from werkzeug.test import TestResponse

    from app.serving.shelves import RanksProfiles


class Service:
    """One instance: its memory is brought up to date when a test says so, and by nothing else."""

    def __init__(
        self,
        url: str,
        *,
        ranker: RanksProfiles | None = None,
        deadline_s: float = 2.0,
        list_fresh_s: int = 0,
    ) -> None:
        self.now = NOW
        self.failures: list[str] = []
        self.pool = ServingPool(
            url, STATEMENTS, size=2, wait_s=deadline_s, statement_timeout_ms=round(deadline_s * 1000)
        )
        self.instruments = Instruments()
        parts = build_serving(
            Settings(lists=1_000, list_fresh_s=list_fresh_s, cards=1_000, card_ttl_s=600, send_hold_s=0),
            self.pool,
            observers=Observers(
                on_row_left_out=self.instruments.count_row_left_out, on_read_failed=self.failures.append
            ),
            breaker=CircuitBreaker(failures=1_000),
            make_ranker=lambda _shelves, _postings, _run_id: ranker,
        )
        self.publications, self.book = parts.publications, parts.book
        self.experiments = parts.experiments
        self.cards, self.shelves = parts.cards, parts.shelves
        self.app = create_app(
            ContentParts(
                answering=parts.answering,
                book=self.book,
                instruments=self.instruments,
                limits=CallLimits(hard_rps=0, soft_rps=0, unknown_rps=0, workers=1),
                access_log=AccessLog(0),
                readiness=lambda: (True, []),
                clock=self._clock,
                deadline_s=deadline_s,
            )
        )

    def _clock(self) -> datetime:
        return self.now

    def run_tasks(self) -> None:
        """Do once what the background tasks do again and again."""
        self.publications.update()
        self.experiments.update()
        recipes = self.publications.runs_of_recipes(self.experiments.recipes(), self.now, self.now)
        coming = [*self.publications.coming(self.now), *recipes]
        self.shelves.update(self.publications.in_force(self.now), coming)
        self.book.update()
        self.cards.update()

    def get(self, target: str, *, authorization: str | None = None, method: str = "GET") -> TestResponse:
        """Call any path."""
        headers = {"Authorization": authorization or basic("braze")}
        return self.app.test_client().open(target, method=method, headers=headers)

    def body(self, member_id: str, **query: object) -> bytes:
        """The answer to a member's call, as bytes."""
        asked = "&".join(
            f"{name}={value}" for name, value in {"campaign": "weekly", "send": "s", **query}.items()
        )
        response = self.get(f"/v1/members/{quote(member_id, safe='')}/recommendations?{asked}")
        assert response.status_code == 200, response.text
        return bytes(response.data)

    def answer(self, member_id: str, **query: object) -> dict[str, Any]:
        """The answer to a member's call."""
        found: dict[str, Any] = json.loads(self.body(member_id, **query))
        return found

    def ids(self, member_id: str, **query: object) -> list[str]:
        """Which postings a member gets."""
        return [posting["id"] for posting in self.answer(member_id, **query)["postings"]]


@contextmanager
def serving(url: str, **options: Any) -> Iterator[Service]:
    """An instance that has read what it needs; closed at the end."""
    service = Service(url, **options)
    service.pool.open()
    try:
        service.run_tasks()
        yield service
    finally:
        service.pool.close()
