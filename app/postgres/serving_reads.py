"""The reads behind an answer, each one statement: see `app.serving.reads.Reads`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.postgres.board_rows import MEMBER_COLUMNS, POSTING_COLUMNS, member_from, posting_from
from app.postgres.serving_pool import Statement, UntranslatableError
from app.serving.credentials import Credential, Scope
from app.serving.reads import SEPARATOR, MemberRow, Publication, Run, Shelf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.postgres.serving_pool import ServingPool
    from app.recommend.board import Member, Posting
    from app.serving.deadline import Deadline


def _statement(name: str, sql: str, *, planned_anew: bool = False, rehearsed: bool = False) -> Statement:
    return Statement(name.encode(), sql.encode(), planned_anew, rehearsed)


PUBLICATIONS = _statement(
    "publications",
    """
    SELECT p.id, p.run_id, r.cutoff_at, r.finished_at, p.effective_at
    FROM connected_jobs.publication p
    JOIN connected_jobs.refresh_run r ON r.id = p.run_id AND r.state = 'ready'
    ORDER BY p.id DESC
    LIMIT 100
    """,
)
SHELVES = _statement(
    "shelves",
    """
    SELECT category, region, posting_ids, reasons
    FROM connected_jobs.shelf
    WHERE run_id = $1
    """,
)
WEIGHTS = _statement(
    "weights",
    """
    SELECT weights
    FROM connected_jobs.refresh_run
    WHERE id = $1
    """,
)
# Functions are named with their schema: through PgBouncer the search path is anybody's.
# Ids come joined by a control character, which no id contains: a text is read in a fraction of an array's time.
# OFFSET 0 keeps the list a read of its own, which is not made for a member who takes no mail; the member is named
# again for activity, so that the planner sees which of its partitions to look at.
MEMBER_LIST = _statement(
    "member_list",
    """
    SELECT m.mail_consent AND m.withdrawn_at IS NULL,
           pg_catalog.array_to_string(l.posting_ids, pg_catalog.chr(31)),
           l.reasons,
           pg_catalog.array_to_string(
               ARRAY(SELECT a.posting_id
                     FROM board.activity a
                     WHERE a.member_id = $3::text AND a.kind = 'apply' AND a.occurred_at > $1::timestamptz
                       AND m.mail_consent AND m.withdrawn_at IS NULL),
               pg_catalog.chr(31))
    FROM board.member m
    LEFT JOIN LATERAL (SELECT r.posting_ids, r.reasons
                       FROM connected_jobs.recommendation_list r
                       WHERE r.run_id = $2::bigint AND r.member_id = m.id
                         AND m.mail_consent AND m.withdrawn_at IS NULL
                       OFFSET 0) l ON true
    WHERE m.id = $3::text
    """,
    rehearsed=True,
)
PROFILE = _statement(
    "profile",
    f"""
    SELECT {MEMBER_COLUMNS}
    FROM board.member m
    WHERE m.id = $1::text AND m.mail_consent AND m.withdrawn_at IS NULL
    """,
)
APPLIED = _statement(
    "applied",
    """
    SELECT DISTINCT a.posting_id
    FROM board.activity a
    WHERE a.member_id = $1::text AND a.kind = 'apply'
    """,
)
POSTINGS = _statement(
    "postings",
    f"""
    SELECT {POSTING_COLUMNS}
    FROM board.posting p
    JOIN board.company c ON c.id = p.company_id
    WHERE p.id = ANY($1::text[])
    """,
    rehearsed=True,
)
NEWEST = _statement(
    "newest",
    f"""
    SELECT {POSTING_COLUMNS}
    FROM board.posting p
    JOIN board.company c ON c.id = p.company_id
    WHERE p.status = 'open' AND (p.deadline IS NULL OR p.deadline >= (pg_catalog.now() AT TIME ZONE 'Asia/Seoul')::date)
    ORDER BY p.opened_at DESC, p.id
    LIMIT $1::bigint
    """,
)
CLOCK = _statement("clock", "SELECT pg_catalog.now()")
CHANGED = _statement(
    "changed",
    f"""
    SELECT {POSTING_COLUMNS}
    FROM board.posting p
    JOIN board.company c ON c.id = p.company_id
    WHERE p.updated_at >= $1::timestamptz
    """,
    planned_anew=True,  # how much has changed depends on since when
)
CREDENTIALS = _statement(
    "credentials",
    """
    SELECT name, scope, secret_hash
    FROM connected_jobs.credential
    WHERE revoked_at IS NULL
    """,
)
STATEMENTS = (
    PUBLICATIONS,
    SHELVES,
    WEIGHTS,
    MEMBER_LIST,
    PROFILE,
    APPLIED,
    POSTINGS,
    NEWEST,
    CLOCK,
    CHANGED,
    CREDENTIALS,
)
_NO_TIME, _NO_RUN = b"infinity", b"0"  # before any run there is no list to find and nothing later than it


class PostgresReads:
    """Reads through the serving pool; whatever goes wrong on the way is an `UnavailableError`."""

    def __init__(self, pool: ServingPool) -> None:
        self._pool = pool
        self._run_values: tuple[int, bytes, bytes] = (0, _NO_TIME, _NO_RUN)

    def publications(self) -> list[Publication]:
        """Publications of runs that still have their lists, newest first; there are a handful of those."""
        return [
            Publication(number, Run(run_id, cutoff_at, finished_at), effective_at)
            for number, run_id, cutoff_at, finished_at, effective_at in self._pool.rows(PUBLICATIONS)
        ]

    def shelves(self, run_id: int) -> list[Shelf]:
        """A run's shelves."""
        rows = self._pool.rows(SHELVES, [run_id])
        return [Shelf(category, region, ids, list(reasons)) for category, region, ids, reasons in rows]

    def weights(self, run_id: int) -> dict[str, Any] | None:
        """The weights a run was made with."""
        rows = self._pool.rows(WEIGHTS, [run_id])
        return rows[0][0] if rows else None

    def newest_postings(self, count: int) -> list[Posting]:
        """Open postings, newest first."""
        return [posting_from(row) for row in self._pool.rows(NEWEST, [count])]

    def member_row(self, member_id: str, run: Run | None, deadline: Deadline) -> MemberRow | None:
        """A member's list in a run, and what they applied to since, in one round trip."""
        cutoff, number = self._values_of(run)
        try:
            result = self._pool.run(MEMBER_LIST, [cutoff, number, member_id.encode()], deadline)
        except UntranslatableError:
            return None  # an id that no member can have here
        if result.ntuples == 0:
            return None
        ids, reasons, applied = (result.get_value(0, column) for column in (1, 2, 3))
        return MemberRow(
            mailable=result.get_value(0, 0) == b"\1",
            posting_ids=ids.decode() if ids else "",
            reasons=bytes(reasons) if reasons else b"",
            applied=frozenset(applied.decode().split(SEPARATOR)) if applied else frozenset(),
        )

    def _values_of(self, run: Run | None) -> tuple[bytes, bytes]:
        """A run's parameters as Postgres's text; they are the same for a whole send."""
        number, cutoff, run_id = self._run_values
        if run is None:
            return _NO_TIME, _NO_RUN
        if number != run.id:
            cutoff, run_id = run.cutoff_at.isoformat().encode(), b"%d" % run.id
            self._run_values = (run.id, cutoff, run_id)
        return cutoff, run_id

    def profile(self, member_id: str, deadline: Deadline) -> Member | None:
        """A mailable member's profile."""
        rows = self._pool.rows(PROFILE, [member_id], deadline)
        return member_from(rows[0]) if rows else None

    def applied(self, member_id: str, deadline: Deadline) -> frozenset[str]:
        """Every posting a member ever applied to."""
        return frozenset(row[0] for row in self._pool.rows(APPLIED, [member_id], deadline))

    def postings(self, ids: Sequence[str], deadline: Deadline | None = None) -> list[Posting]:
        """Postings by id."""
        return [posting_from(row) for row in self._pool.rows(POSTINGS, [list(ids)], deadline)]

    def postings_changed_since(self, since: datetime | None) -> tuple[datetime, list[Posting]]:
        """The server's clock before the read, and what changed."""
        clock = self._pool.rows(CLOCK)[0][0]
        rows = [] if since is None else self._pool.rows(CHANGED, [since])
        return clock, [posting_from(row) for row in rows]

    def credentials(self) -> list[Credential]:
        """Every credential that is not revoked."""
        return [
            Credential(name, Scope(scope), bytes(hashed))
            for name, scope, hashed in self._pool.rows(CREDENTIALS)
        ]
