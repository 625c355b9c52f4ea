"""FastAPI and asyncpg that do what the service does for an answer, written for FastAPI with the same care.

Credential, rate limit, parameters, the member's list, cards encoded beforehand, veto, company spread, metrics and a
body joined from bytes. Its cards hold the board's codes where the service's hold labels for people, which costs the
same to join. What the service does besides, on bad days, is left out, as are members without a list.
"""

from __future__ import annotations

import hmac
import time
from base64 import b64decode, urlsafe_b64encode
from collections import Counter
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import prometheus_client
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response

from loadtest.bench.peers.given import (
    CONNECTIONS,
    DATABASE_URL,
    HEADERS,
    MEMBER_LIST,
    PUBLICATION,
    SESSION,
    no_reset,
    tune_garbage_collection,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

CREDENTIALS = (
    "SELECT name, secret_hash FROM connected_jobs.credential WHERE revoked_at IS NULL AND scope = 'content'"
)
POSTINGS = """
    SELECT p.id, p.company_id, p.status, p.deadline, p.title, c.name AS company, p.regions[1] AS location,
           concat_ws('~', p.career_min_years, p.career_max_years) AS career, p.education, p.url,
           p.employment_types[1] AS employment_type, concat_ws('~', p.salary_min, p.salary_max) AS salary
    FROM board.posting p
    JOIN board.company c ON c.id = p.company_id
"""
SEOUL = ZoneInfo("Asia/Seoul")
SLUG = r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$"
PER_COMPANY = 2
ASKED_COMPANY = 0x80  # the bit beside a reason where the member asked for the company
HARD_RPS = 1_000_000
_HEADERS = dict(HEADERS)
_json = msgspec.json.encode
_answers = prometheus_client.Counter("peer_answers", "Calls answered", ["campaign", "source", "degraded"])
_seconds = prometheus_client.Histogram(
    "peer_answer_seconds", "From first sight to answer", buckets=(0.001, 0.004, 0.015, 0.06, 0.25, 1.0, 4.0)
)
_at_hand: dict[str, Any] = {}


class PeerCard(NamedTuple):
    """A posting encoded up to its link's tracking; `until` is its last day's ordinal, 0 where it is not open."""

    exposed_id: str
    company_id: str
    until: int
    text: bytes


@asynccontextmanager
async def _connected(_app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        DATABASE_URL,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        reset=no_reset,
        server_settings=SESSION,
    ) as pool:
        _at_hand.update(
            pool=pool,
            run=tuple((await pool.fetch(PUBLICATION))[0]),
            credentials={row["secret_hash"]: row["name"] for row in await pool.fetch(CREDENTIALS)},
            cards={row["id"]: _card(row) for row in await pool.fetch(POSTINGS)},
        )
        tune_garbage_collection()
        yield


def _card(row: asyncpg.Record) -> PeerCard:
    deadline = row["deadline"]
    left = (deadline - datetime.now(SEOUL).date()).days if deadline else None
    keys = (
        "id",
        "title",
        "company",
        "location",
        "career",
        "education",
        "employment_type",
        "salary",
        "deadline",
    )
    facts = {key: row[key] for key in keys}
    facts |= {"days_left": left, "deadline_label": f"D-{left}", "url": f"{row['url']}?rid="}
    until = 0 if row["status"] != "open" else deadline.toordinal() if deadline else 10**9
    return PeerCard(quote(row["id"], safe=""), row["company_id"], until, _json(facts)[:-2])


app = FastAPI(lifespan=_connected, openapi_url=None)


def credential(request: Request) -> str:
    """The caller's name, from HTTP Basic or Bearer; within its rate."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    secret = rest if scheme.lower() == "bearer" else b64decode(rest).decode().partition(":")[2]
    hashed = sha256(secret.encode()).digest()
    for known, name in _at_hand["credentials"].items():
        if hmac.compare_digest(known, hashed):
            if not _within_limit(str(name)):
                raise HTTPException(429)
            return str(name)
    raise HTTPException(401)


def _within_limit(name: str) -> bool:
    """Count a call in this second; `limits` counts in memory with a thread every 10 ms, which would cost this peer."""
    second = int(time.monotonic())
    if _at_hand.get("second") != second:
        _at_hand.update(second=second, counts=Counter())
    _at_hand["counts"][name] += 1
    return bool(_at_hand["counts"][name] <= HARD_RPS)


@app.get("/v1/members/{external_id}/recommendations")
async def recommendations(
    external_id: str,
    _caller: Annotated[str, Depends(credential)],
    campaign: Annotated[str, Query(pattern=SLUG)],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    variant: Annotated[str | None, Query(pattern=SLUG)] = None,
    send: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")] = None,
    lang: Annotated[str, Query(pattern=r"^(ko|en)$")] = "ko",
) -> Response:
    """The member's postings."""
    start_s = time.monotonic()
    if not external_id.isprintable():
        raise HTTPException(400)
    today = datetime.now(SEOUL).date()
    cutoff_at, run_id = _at_hand["run"]
    row = await _at_hand["pool"].fetchrow(MEMBER_LIST, run_id, external_id, "")
    if row is None or not row[0] or not row[1]:
        raise HTTPException(404)
    applied = frozenset(row[3].split("\x1f")) if row[3] else frozenset()
    ranked = zip(row[1].split("\x1f"), row[2], strict=True)
    places = _places(ranked, applied, limit=limit, today=today.toordinal())
    named = (external_id, campaign, send or today.isoformat(), variant or "", str(limit), lang, str(run_id))
    rid = urlsafe_b64encode(blake2b("\x1f".join(named).encode(), digest_size=12).digest())
    head = {
        "recommendation_id": rid.decode(),
        "campaign": campaign,
        "variant": variant,
        "arm": None,
        "source": "personalized",
        "degraded": None,
        "count": len(places),
        "generated_at": cutoff_at,
    }
    link = rid + f"&campaign={campaign}{f'&variant={variant}' if variant else ''}&position=".encode()
    postings = b",".join(
        b'%b%b%d","reason":%b}' % (card.text, link, position, _REASONS[reason % ASKED_COMPANY])
        for position, (card, reason) in enumerate(places, start=1)
    )
    ids = ",".join([card.exposed_id for card, _ in places])
    exposure = f"v1|{rid.decode()}|{campaign}|personalized||{len(places)}|{ids}"[:900]
    body = b'%b,"postings":[%b],"exposure":%b}' % (_json(head)[:-1], postings, _json(exposure))
    _count(campaign).inc()
    _seconds.observe(time.monotonic() - start_s)
    return Response(body, headers=_HEADERS)


def _places(
    ranked: Iterable[tuple[str, int]], applied: frozenset[str], *, limit: int, today: int
) -> list[tuple[PeerCard, int]]:
    """The best that may be shown, two of a company before the third of any."""
    cards: dict[str, PeerCard] = _at_hand["cards"]
    kept: list[tuple[PeerCard, int]] = []
    held: list[tuple[PeerCard, int]] = []
    taken: Counter[str] = Counter()
    for posting_id, reason in ranked:
        card = cards[posting_id]
        if card.until < today or posting_id in applied:
            continue
        taken[card.company_id] += 1
        over = taken[card.company_id] > PER_COMPANY and reason < ASKED_COMPANY
        (held if over else kept).append((card, reason))
        if len(kept) == limit:
            break
    return (kept + held)[:limit]


_bound: dict[str, Any] = {}


def _count(campaign: str) -> Any:
    """The campaign's counter, bound once."""
    if campaign not in _bound:
        _bound[campaign] = _answers.labels(campaign, "personalized", "")
    return _bound[campaign]


_REASONS = {
    number: _json(f"이 공고를 추천하는 이유 {number}번이에요") + b',"reason_code":"reason_%02d"' % number
    for number in range(1, 100)
}
