"""A small generated board, its members' tastes, and a service that answers with its open postings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from zlib import crc32

import pytest
from fastavro import reader

from app.braze.calls import CallAnswer, StoredCredential
from app.demo.braze.currents_files import CurrentsExport
from app.demo.braze.people import People
from app.demo.braze.sender import MailSender
from app.demo.braze.world import BoardAction, World
from app.demo.members import member_ids
from app.demo.tastes import Tastes

if TYPE_CHECKING:
    from app.braze.calls import Request

NOW = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
MEMBERS = 160
WEEKS_AGO = [NOW - timedelta(days=days) for days in (9, 2)]


@pytest.fixture(scope="session")
def tastes() -> Tastes:
    return Tastes.of(members=MEMBERS, postings=150, seed=5, now=NOW)


@dataclass
class OpenPostings:
    """A service of ten postings that suit each member, in arms `a` and `b`; it refuses some members."""

    tastes: Tastes
    refused: set[str] = field(default_factory=set)
    calls: int = 0

    def __call__(self, request: Request, /) -> CallAnswer:
        self.calls += 1
        parts = urlsplit(request.url)
        member_id, query = unquote(parts.path.split("/")[3]), parse_qs(parts.query)
        if member_id in self.refused:
            return CallAnswer(503, b"{}")
        arm, campaign = "ab"[crc32(member_id.encode()) % 2], query["campaign"][0]
        rid = f"{member_id}-{query['send'][0]}"
        first_s = int(WEEKS_AGO[0].timestamp())
        open_now = [one.id for one in self.tastes.columns.postings if self.tastes.is_open(one.id, first_s)]
        fits = self.tastes.suit(member_id, open_now)
        ids = [open_now[place] for place in fits.argsort()[::-1][:10].tolist()]
        postings = [
            {"id": one, "title": one, "url": f"https://jobs.example/{one}?rid={rid}&campaign={campaign}&arm={arm}&position={place}"}
            for place, one in enumerate(ids, 1)
        ]  # fmt: skip
        exposure = "|".join(["v1", rid, campaign, "personalized", arm, str(len(ids)), ",".join(ids)])
        answer = {
            "count": len(ids), "source": "personalized", "degraded": None, "arm": arm, "exposure": exposure,
            "postings": postings,
        }  # fmt: skip
        return CallAnswer(200, json.dumps(answer).encode())


def make_world(
    tastes: Tastes, files: dict[str, bytes], actions: list[BoardAction], service: OpenPostings
) -> World:
    return World(
        sender=MailSender(
            base_url="http://127.0.0.1:1", credential=StoredCredential("braze", "x"), fetch=service
        ),
        people=People(tastes, until_s=int(NOW.timestamp())),
        export=CurrentsExport(files.__setitem__),
        act=actions.extend,
    )


def everybody() -> list[str]:
    return member_ids(1, MEMBERS + 1, members=MEMBERS)


def read(content: bytes) -> list[dict[str, Any]]:
    """An Avro file's records."""
    return list(reader(BytesIO(content)))  # type: ignore[arg-type]
