"""A small board written by hand: a member of every kind, postings in every state, and texts that break careless code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from app.recommend.ranked import ASKED_COMPANY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

# Noon in Seoul. It is long past, so on a server with a real clock every posting with a deadline is past it, and
# what is left is the same on any day.
NOW = datetime(2025, 1, 15, 3, 0, tzinfo=UTC)
TODAY = date(2025, 1, 15)
CUTOFF = NOW - timedelta(hours=3)
FINISHED = NOW - timedelta(hours=2)

SECRETS = {
    "braze": "content-secret-of-the-fixed-board",
    "braze-new": "second-content-secret-of-the-fixed-board",
    "prometheus": "metrics-secret-of-the-fixed-board",
    "operator kim": "operator-secret-of-the-fixed-board",
    "left": "revoked-secret-of-the-fixed-board",
}
SCOPES = {
    "braze": "content",
    "braze-new": "content",
    "prometheus": "metrics",
    "operator kim": "operator",
    "left": "content",
}

COMPANIES = {
    "c-han": "한빛소프트",
    "c-duri": "두리유통",
    "c-evil": '<b>"악" & 회사</b>',
    "c-sol": "솔 & 파트너스",
    "c-blue": "Blue Ocean Inc.",
    "c-lone": "외길",
}
LONG_TITLE = "긴 제목 " * 83 + "끝"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingRow:
    """A row of `board.posting`; what is not said is not known."""

    id: str
    title: str
    company: str
    categories: Sequence[str] = ("2",)
    regions: Sequence[str] = ("101000/강남구",)
    career: tuple[float | None, float | None] = (None, None)
    education: int | None = None
    employment: Sequence[str] = ("regular",)
    salary: tuple[int | None, int | None, str | None] = (None, None, None)
    deadline: date | None = None
    closes: str = "when_filled"
    status: str = "open"
    url: str = ""

    def values(self) -> list[Any]:
        """In the order of the table's columns."""
        return [
            self.id,
            self.title,
            self.company,
            list(self.categories),
            list(self.regions),
            *self.career,
            self.education,
            list(self.employment),
            *self.salary,
            ["Python"],
            NOW - timedelta(days=5),
            self.deadline,
            "on_date" if self.deadline else self.closes,
            self.status,
            self.url or f"https://jobs.example/{self.id}",
            NOW - timedelta(days=1),
        ]


POSTINGS = [
    PostingRow(
        id="p-01",
        title="백엔드 개발자",
        company="c-han",
        career=(3, 5),
        education=3,
        salary=(35_000_000, 45_000_000, "KRW/year"),
    ),
    PostingRow(
        id="p-02",
        title="데이터 분석가",
        company="c-han",
        regions=["101000/서초구", "102000/성남시", "106000"],
        career=(0, None),
        employment=["regular", "contract"],
    ),
    PostingRow(id="p-03", title="플랫폼 엔지니어", company="c-han", career=(5, None)),
    PostingRow(
        id="p-04",
        title="물류 매니저",
        company="c-duri",
        categories=["18"],
        regions=["102000/이천시"],
        salary=(2_500_000, None, "KRW/month"),
    ),
    PostingRow(id="p-05", title="매장 관리", company="c-duri", categories=["10"], regions=["106000"]),
    PostingRow(id="p-06", title="<script>alert(1)</script>", company="c-evil", career=(0, 0)),
    PostingRow(id="p-07", title="{{ 7 | times: 7 }}{% abort_message() %}", company="c-evil"),
    PostingRow(
        id="p-08",
        title="\"따옴표\" & 'apostrophe' \\ backslash\ttab",
        company="c-sol",
        url="https://jobs.example/apply?id=p-08&lang=ko#form",
    ),
    PostingRow(id="p-09", title="👨‍👩‍👧 가족 🚀", company="c-sol", career=(None, 3)),
    PostingRow(
        id="p-10",
        title="مطور برامج",
        company="c-blue",
        salary=(60_000, 80_000, "USD/year"),
        closes="always_open",
    ),
    PostingRow(
        id="p-11",
        title=LONG_TITLE,
        company="c-blue",
        categories=[],
        regions=[],
        employment=[],
        url="https://jobs.example/채용/p-11",
    ),
    PostingRow(id="p-12", title="모든 직무", company="c-lone", categories=["16"], regions=["117000"]),
    PostingRow(id="p-before", title="지난달에 지원한 공고", company="c-lone"),
    PostingRow(id="p-since", title="방금 지원한 공고", company="c-lone"),
    PostingRow(id="p-yesterday", title="어제 마감", company="c-lone", deadline=TODAY - timedelta(days=1)),
    PostingRow(id="p-today", title="오늘 마감", company="c-duri", deadline=TODAY),
    PostingRow(id="p-tomorrow", title="내일 마감", company="c-lone", deadline=TODAY + timedelta(days=1)),
    PostingRow(id="p-later", title="열흘 뒤 마감", company="c-blue", deadline=TODAY + timedelta(days=10)),
    PostingRow(id="p-closed", title="닫힌 공고", company="c-lone", status="closed"),
    PostingRow(id="p-hidden", title="숨긴 공고", company="c-lone", status="hidden"),
]

VETOED = ("p-closed", "p-hidden", "p-yesterday")
WIDE_SHELF = ("p-before", "p-since", *VETOED, *(f"p-{number:02}" for number in range(1, 13)))
SHELVES = {
    ("", ""): (WIDE_SHELF, 1),
    ("18", ""): (("p-04", "p-01"), 2),
    ("18", "102000"): (("p-04",), 2),
}

AWKWARD_ID = "회원 1/서울//가?#%2F🚀مرحبا"

# Which postings, with a reason each, best first.
LISTS: dict[str, list[tuple[str, int]]] = {
    "m-list": [
        ("p-later", 4),
        ("p-closed", 4),
        ("p-hidden", 4),
        ("p-yesterday", 4),
        ("p-since", 4),
        ("p-01", 7),
        ("p-02", 7),
        ("p-03", 7),
        ("p-06", 8),
        ("p-today", 9),
        ("p-tomorrow", 9),
    ],
    "m-asked": [(name, ASKED_COMPANY + 13) for name in ("p-01", "p-02", "p-03")] + [("p-06", 7), ("p-07", 7)],
    "m-vetoed": [("p-closed", 4), ("p-hidden", 4), ("p-yesterday", 4)],
    "m-withdrawn": [("p-12", 4), ("p-11", 4)],
    "m-silent": [("p-12", 4), ("p-11", 4)],
    AWKWARD_ID: [("p-12", 6)],
    "..": [("p-12", 6)],
}
APPLIED = [
    ("m-list", "p-before", CUTOFF - timedelta(days=30)),
    ("m-list", "p-since", CUTOFF + timedelta(minutes=1)),
    ("m-bare", "p-01", CUTOFF - timedelta(days=1)),
    ("m-withdrawn", "p-01", CUTOFF + timedelta(minutes=1)),
    ("m-silent", "p-01", CUTOFF + timedelta(minutes=1)),
]


def fill(connection: psycopg.Connection) -> None:
    """Write the whole board, one published run, and credentials into a migrated, empty database."""
    _board(connection)
    add_run(connection, published_at=FINISHED, effective_at=FINISHED)
    for name, secret in SECRETS.items():
        connection.execute(
            "INSERT INTO connected_jobs.credential (name, scope, secret_hash, revoked_at) VALUES (%s, %s, %s, %s)",
            [name, SCOPES[name], sha256(secret.encode()).digest(), NOW if name == "left" else None],
        )


def _board(connection: psycopg.Connection) -> None:
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO board.company (id, name) VALUES (%s, %s)", list(COMPANIES.items()))
    cursor.executemany(
        """
        INSERT INTO board.posting (id, title, company_id, categories, regions, career_min_years, career_max_years,
            education, employment_types, salary_min, salary_max, salary_unit, skills, opened_at, deadline, closes,
            status, url, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [posting.values() for posting in POSTINGS],
    )
    members = [
        ("m-list", ["2"], True, None),
        ("m-asked", [], True, None),
        ("m-vetoed", [], True, None),
        ("m-profile", ["18"], True, None),
        ("m-bare", [], True, None),
        ("m-withdrawn", ["2"], True, NOW - timedelta(days=1)),
        ("m-silent", ["2"], False, None),
        (AWKWARD_ID, [], True, None),
        ("..", [], True, None),
    ]
    cursor.executemany(
        "INSERT INTO board.member (id, categories, mail_consent, withdrawn_at) VALUES (%s, %s, %s, %s)",
        members,
    )
    cursor.executemany(
        "INSERT INTO board.activity (member_id, posting_id, kind, occurred_at) VALUES (%s, %s, 'apply', %s)",
        APPLIED,
    )


def add_run(
    connection: psycopg.Connection,
    *,
    published_at: datetime,
    effective_at: datetime,
    lists: dict[str, list[tuple[str, int]]] | None = None,
) -> int:
    """Write a run with its lists and shelves and publish it; returns its number."""
    row = connection.execute(
        """
        INSERT INTO connected_jobs.refresh_run (state, started_at, cutoff_at, finished_at, inputs, options)
        VALUES ('ready', %s, %s, %s, '{}', '{}')
        RETURNING id
        """,
        [CUTOFF, CUTOFF, published_at],
    ).fetchone()
    assert row is not None
    number = int(row[0])
    connection.execute(
        f"CREATE TABLE connected_jobs.recommendation_list_{number}"
        f" PARTITION OF connected_jobs.recommendation_list FOR VALUES IN ({number})"
    )
    cursor = connection.cursor()
    cursor.executemany(
        "INSERT INTO connected_jobs.recommendation_list (run_id, member_id, posting_ids, reasons) VALUES (%s, %s, %s, %s)",
        [
            (
                number,
                member_id,
                [posting_id for posting_id, _ in ranked],
                bytes(reason for _, reason in ranked),
            )
            for member_id, ranked in (lists or LISTS).items()
        ],
    )
    cursor.executemany(
        "INSERT INTO connected_jobs.shelf (run_id, category, region, posting_ids, reasons) VALUES (%s, %s, %s, %s, %s)",
        [
            (number, category, region, list(ids), bytes([reason]) * len(ids))
            for (category, region), (ids, reason) in SHELVES.items()
        ],
    )
    publish(connection, number, published_at=published_at, effective_at=effective_at)
    return number


def publish(
    connection: psycopg.Connection, number: int, *, published_at: datetime, effective_at: datetime
) -> None:
    """Let answers come from a run from a moment on."""
    connection.execute(
        "INSERT INTO connected_jobs.publication (run_id, published_at, effective_at) VALUES (%s, %s, %s)",
        [number, published_at, effective_at],
    )
