"""The planner's pages on a real Postgres, with a clock and sends of the test's own."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.braze.calls import StoredCredential
from app.braze.mails import Mails
from app.capacity.register.campaigns import read_draft
from app.credentials import CredentialBook, Scope
from app.postgres.credentials import insert_credential, revoke_credential, select_credentials
from app.postgres.engines import planner_engine
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.planning.experiments import PostgresExperiments
from app.postgres.planning.random_member import draw_random_member
from app.postgres.planning.register import PostgresRegister
from app.postgres.planning.results import PostgresResults
from app.postgres.planning.sessions import PostgresSessions
from app.postgres.planning.shares import PostgresShares
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS, PostgresStore
from app.postgres.syncs.register import PostgresSyncs
from app.web.limits import CallLimits
from app.web.pages import pages
from app.web.planner.app import create_planner_app
from app.web.planner.parts import PlannerParts, SessionCookie
from tests.unit.braze.answers import answer_body, answering, realistic_postings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from app.capacity.register.campaigns import RegisteredCampaign
    from app.credentials import Role

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)  # a Friday, 10:30 in Seoul
MONDAY = "2026-11-23"
OPERATOR, OTHER_OPERATOR, CALLER = "김다은", "박지훈", "braze"
FINGERPRINT = "f" * 64
KEY = b"a key for tests, 32 bytes or more"
DIGEST: Mapping[str, Any] = {
    "name": "주간 추천 메일",
    "kind": "rate_limited",
    "audience": 1_200_000,
    "at": f"{MONDAY}T09:00:00",
    "limit_per_min": 50_000,
    "finish_by": f"{MONDAY}T12:00:00",
}
EVENING: Mapping[str, Any] = {
    "name": "마감 임박 공고",
    "kind": "rate_limited",
    "audience": 200_000,
    "at": f"{MONDAY}T19:00:00",
    "limit_per_min": 10_000,
}
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="csrf_token"')


class Site:
    """The application, what stands behind it, and a clock that a test may move."""

    def __init__(
        self,
        url: str,
        *,
        previews: Mails | None = None,
        unknown_rps: int = 100,
        loadtest_command: str | None = None,
    ) -> None:
        self.now = NOW
        self.secrets: dict[str, str] = {}
        self.engine = planner_engine(url)
        self._pool = ServingPool(
            url, STATEMENTS, size=1, wait_s=2.0, statement_timeout_ms=5000, through_pgbouncer=False
        )
        self._pool.open()
        self.book = CredentialBook(PostgresStore(self._pool))
        self.register, self.evidence = PostgresRegister(self.engine), PostgresEvidence(self.engine)
        for name, scope in (
            (OPERATOR, Scope.OPERATOR),
            (OTHER_OPERATOR, Scope.OPERATOR),
            (CALLER, Scope.CONTENT),
        ):
            with self.engine.begin() as connection:
                self.secrets[name] = insert_credential(connection, name, scope)[1]
        self.book.update()
        limits = CallLimits(hard_rps=0, soft_rps=0, unknown_rps=unknown_rps, workers=1)
        parts = PlannerParts(
            register=self.register,
            evidence=self.evidence,
            book=self.book,
            limits=limits,
            cookie=SessionCookie(key=KEY, https_only=False),
            clock=lambda: self.now,
            results=PostgresResults(self.engine),
            random_member=partial(draw_random_member, self.engine),
        )
        self.app: Flask = create_planner_app(
            parts,
            pages=pages(
                parts,
                sessions=PostgresSessions(self.engine),
                shares=PostgresShares(self.engine),
                experiment_register=PostgresExperiments(self.engine),
                sync_register=PostgresSyncs(self.engine),
                previews=previews,
                loadtest_command=loadtest_command,
            ),
        )

    def add_operator(self, name: str, role: Role) -> None:
        """An operator's credential of a role; the book knows at once."""
        with self.engine.begin() as connection:
            self.secrets[name] = insert_credential(connection, name, Scope.OPERATOR, role=role)[1]
        self.book.update()

    def client(self, *, language: str = "en") -> Browserlike:
        """A browser that nobody has signed in with."""
        return Browserlike(self, language)

    def signed_in(self, name: str = OPERATOR, *, language: str = "en") -> Browserlike:
        """A browser that an operator has signed in with."""
        browser = self.client(language=language)
        answer = browser.sign_in(name)
        assert answer.status_code == 303, answer.text
        return browser

    def revoke(self, name: str) -> None:
        """Revoke a person's credential; the book knows at once."""
        with self.engine.begin() as connection:
            for row in select_credentials(connection):
                if row.name == name:
                    revoke_credential(connection, row.id)
        self.book.update()

    def add(self, definition: Mapping[str, Any], *, key: str = "weekly-digest") -> RegisteredCampaign:
        """Put a campaign on record."""
        draft = read_draft({"key": key, "owner": "CRM", "definition": dict(definition)})
        return self.register.add(draft, by=OPERATOR)

    def measured(self, *, low_rps: float = 6_000.0, days_ago: float = 2.0) -> str:
        """Keep evidence of a load test, and have the instance it was made on alive for an hour."""
        document = evidence_document(
            low_rps=low_rps,
            ended_at=self.now - timedelta(days=days_ago),
            tables=self.register.running().tables,
        )
        self.evidence.add(json.dumps(document))
        with self.engine.begin() as connection:
            connection.execute(
                text("""
                    INSERT INTO connected_jobs.instance (id, fingerprint, workers, settings, started_at, beat_at)
                    VALUES ('one', :fingerprint, 2, '{}', now(), now() + interval '1 hour')
                    ON CONFLICT (id) DO NOTHING
                """),
                {"fingerprint": FINGERPRINT},
            )
        return str(document["id"])

    def counted(
        self, key: str, send: str, calls: Sequence[tuple[datetime, int]], *, degraded: int = 0
    ) -> None:
        """Have these calls counted of a send: when, how many in that second, of these degraded."""
        with self.engine.begin() as connection:
            connection.execute(
                text("INSERT INTO connected_jobs.send VALUES (:key, :send, :first, :last)"),
                {"key": key, "send": send, "first": calls[0][0], "last": calls[-1][0]},
            )
            connection.execute(
                text("INSERT INTO connected_jobs.send_second VALUES (:key, :send, :at, :calls, :degraded)"),
                [{"key": key, "send": send, "at": at, "calls": n, "degraded": degraded} for at, n in calls],
            )

    def close(self) -> None:
        """Let go of Postgres."""
        self._pool.close()
        self.engine.dispose()


class Browserlike:
    """A test client that sends a form's token along, as a browser with the page open does."""

    def __init__(self, site: Site, language: str) -> None:
        self._site = site
        self.client: FlaskClient = site.app.test_client()
        self._headers = {"Accept-Language": language}

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, headers={**self._headers, **kwargs.pop("headers", {})}, **kwargs)

    def post(
        self, path: str, data: Mapping[str, Any], *, page: str | None = None, token: bool = True
    ) -> TestResponse:
        """Send a form, as from `page` (default: the same path) with the token that stands there."""
        typed = dict(data)
        if token:
            typed["csrf_token"] = token_in(self.get(page or path).text)
        return self.client.post(path, data=typed, headers=self._headers)

    def sign_in(self, name: str, secret: str | None = None, **more: str) -> TestResponse:
        """Send the sign-in form."""
        typed = {"name": name, "secret": self._site.secrets[name] if secret is None else secret, **more}
        return self.post("/sign-in", typed)


def token_in(page: str) -> str:
    """The token of a page's first form."""
    found = _TOKEN.search(page)
    assert found, page[:2000]
    return found[1] or found[2]


def evidence_document(*, low_rps: float, ended_at: datetime, tables: Mapping[str, int]) -> dict[str, Any]:
    """Evidence as a load test writes it; its rates are the test's own."""
    rates = (low_rps / 8, low_rps / 4, low_rps / 2, low_rps, low_rps * 1.1)
    return {
        "schema": "connected-jobs/load-evidence",
        "version": 1,
        "id": f"loadtest-{ended_at:%Y%m%d-%H%M}",
        "began_at": (ended_at - timedelta(minutes=12)).isoformat(),
        "ended_at": ended_at.isoformat(),
        "host": "http://127.0.0.1:8080",
        "verdict": {
            "sentence": f"{low_rps:,.0f} calls/s held for 60 s; {low_rps * 1.1:,.0f} calls/s broke the latency line.",
            "kind": "ceiling",
            "rps": low_rps,
            "low_rps": low_rps,
            "high_rps": low_rps * 1.1,
            "bound_by": ["latency"],
            "soak_calls": 72_000,
        },
        "environment": {
            "service": {
                "fingerprint": FINGERPRINT,
                "instances": 1,
                "workers": 2,
                "settings": {"threads": 16},
                "tables": tables,
            },
            "generator": {"cpu_count": 2, "locust": "2.47", "same_machine_as_service": False},
            "untold": [],
        },
        "steps": [
            {
                "phase": "bisection",
                "rps": rate,
                "calls": int(rate * 30),
                "outcome": "broke" if rate > low_rps else "held",
                "broken": ["latency"] if rate > low_rps else [],
                "latency": {"percentiles_ms": {"p50": 6 + 20 * place, "p99": 15.0 * 3**place}},
            }
            for place, rate in enumerate(rates)
        ],
    }


@contextmanager
def site_on(url: str, **kwargs: Any) -> Iterator[Site]:
    """The pages on a migrated database."""
    site = Site(url, **kwargs)
    try:
        yield site
    finally:
        site.close()


def previews() -> Mails:
    """Previews of the published templates, against a service that always answers the same."""
    return Mails(
        base_url="http://127.0.0.1:8080",
        credential=StoredCredential("preview", "secret"),
        public_host="jobs.example.org",
        fetch=answering(answer_body(realistic_postings())),
    )
