"""The reads behind an answer, each one statement: see `app.serving.store.Store`."""

from __future__ import annotations

from contextlib import suppress
from itertools import repeat
from sys import intern
from typing import TYPE_CHECKING, Any

from app.board.model import Status
from app.board.veto import shown_until
from app.credentials import Credential, Role, Scope
from app.feedback.experiments.definition import Experiment, arms_from
from app.feedback.experiments.refusals import ExperimentError
from app.postgres.board.columns import (
    MEMBER_COLUMNS,
    POSTING_COLUMNS,
    POSTINGS_FROM,
    SHOWABLE,
    STANDING_COLUMNS,
    STANDINGS_FROM,
    TAKES_MAIL,
    member_from,
    postings_from,
    standing_from,
)
from app.postgres.board.failing_rows import ViewError, read_in_halves, unreadable_row
from app.postgres.board.left_out import LeftOutRows, UnreadableRowError
from app.postgres.serving.pool import Statement, UntranslatableError
from app.runtime.errors import UnavailableError
from app.serving.shelves import unpack_pool
from app.serving.store import MemberRow, Publication, Run, Shelf, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from app.board.model import Member, Posting
    from app.postgres.serving.pool import ServingPool
    from app.runtime.deadline import Deadline


def _statement(name: str, sql: str, *, planned_anew: bool = False, rehearsed: bool = False) -> Statement:
    return Statement(name.encode(), sql.encode(), planned_anew, rehearsed)


# The recipe is read so that the statement can be prepared before a migration has made its column.
PUBLICATIONS = _statement(
    "publications",
    """
    SELECT p.id, p.run_id, r.cutoff_at, r.finished_at, coalesce((r.measures ->> 'rows_left_out')::bigint, 0),
           p.effective_at, p.moves_sends, pg_catalog.to_jsonb(r) ->> 'recipe'
    FROM connected_jobs.publication p
    JOIN connected_jobs.refresh_run r ON r.id = p.run_id AND r.state = 'ready'
    ORDER BY p.id DESC
    LIMIT 1000
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
SHELF_POOL = _statement(
    "shelf_pool",
    """
    SELECT postings
    FROM connected_jobs.shelf_pool
    WHERE run_id = $1::bigint
    """,
)
SAME_JOBS = _statement(
    "same_jobs",
    """
    SELECT posting_ids
    FROM connected_jobs.same_job
    WHERE run_id = $1
    """,
)
HIDDEN = _statement(
    "hidden",
    """
    SELECT id
    FROM board.posting
    WHERE status = 'hidden' AND updated_at >= $1::timestamptz
    """,
    planned_anew=True,
)
TOUCHED = _statement(
    "touched",
    """
    SELECT id
    FROM board.posting
    WHERE updated_at >= $1::timestamptz
    """,
    planned_anew=True,
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
# again for activity, so that the planner sees which of its partitions to look at. Who withdrew consent in Braze takes no
# mail either, until the board knows.
# What mails showed lately counts by the send's first moment, which the register knows; a send that is not in it yet begins now.
# Its few rows are sorted by who reads them: to begin an aggregate takes longer than the rest of that read.
MEMBER_LIST = _statement(
    "member_list",
    f"""
    SELECT {TAKES_MAIL}
           AND NOT EXISTS (SELECT FROM connected_jobs.consent c WHERE c.member_id = $2::text AND c.withdrawn),
           pg_catalog.array_to_string(l.posting_ids, pg_catalog.chr(31)),
           l.reasons,
           pg_catalog.array_to_string(
               ARRAY(SELECT a.posting_id
                     FROM board.activity a
                     WHERE a.member_id = $2::text AND a.kind = 'apply'
                       AND {TAKES_MAIL}),
               pg_catalog.chr(31)),
           pg_catalog.array_to_string(l.anchors, pg_catalog.chr(31)),
           l.anchored,
           pg_catalog.array_to_string(
               ARRAY(SELECT s.id || pg_catalog.chr(30) || pg_catalog.array_to_string(s.shown, pg_catalog.chr(31))
                            || pg_catalog.chr(30) || pg_catalog.array_to_string(s.clicked, pg_catalog.chr(31))
                     FROM connected_jobs.lately_shown s
                     WHERE s.member_id = $2::text AND {TAKES_MAIL}
                       AND s.counts_from <= COALESCE((SELECT k.first_at FROM connected_jobs.send_run k
                                                      WHERE k.campaign = pg_catalog.split_part($3::text, pg_catalog.chr(31), 1)
                                                        AND k.send = pg_catalog.split_part($3::text, pg_catalog.chr(31), 2)
                                                        AND k.until > pg_catalog.now()), pg_catalog.now())
                       AND s.counts_from > (SELECT w.cutoff_at FROM connected_jobs.refresh_run r
                                            JOIN connected_jobs.refresh_run w
                                              ON w.id = COALESCE((r.measures ->> 'model')::bigint, r.id)
                                            WHERE r.id = $1::bigint
                                              AND COALESCE((w.options ->> 'learn_from_mails')::boolean, true))),
               pg_catalog.chr(29))
    FROM board.member m
    LEFT JOIN LATERAL (SELECT r.posting_ids, r.reasons, r.anchors, r.anchored
                       FROM connected_jobs.recommendation_list r
                       WHERE r.run_id = $1::bigint AND r.member_id = $2::text
                         AND {TAKES_MAIL}
                       OFFSET 0) l ON true
    WHERE m.id = $2::text AND m.id COLLATE "C" = $2::text
    """,
    rehearsed=True,
)
PROFILE = _statement(
    "profile",
    f"""
    SELECT {MEMBER_COLUMNS}
    FROM board.member m
    WHERE m.id = $1::text AND m.id COLLATE "C" = $1::text AND {TAKES_MAIL}
      AND NOT EXISTS (SELECT FROM connected_jobs.consent c WHERE c.member_id = $1::text AND c.withdrawn)
    """,
)
POSTINGS = _statement(
    "postings",
    f"""
    SELECT {POSTING_COLUMNS}
    FROM {POSTINGS_FROM}
    WHERE p.id = ANY($1::text[]) AND {SHOWABLE}
    """,
    rehearsed=True,
)
_NEWEST = f"""
    FROM {POSTINGS_FROM}
    WHERE p.status = 'open' AND {SHOWABLE}
      AND (p.deadline IS NULL OR p.deadline >= (pg_catalog.now() AT TIME ZONE 'Asia/Seoul')::date - 1)
    ORDER BY least(p.opened_at, pg_catalog.now()) DESC NULLS LAST, p.id
    LIMIT $1::bigint
    """
NEWEST = _statement("newest", f"SELECT {POSTING_COLUMNS} {_NEWEST}")
# These read no other column of a view, so that an expression that fails is met only where the row can be found.
NEWEST_IDS = _statement("newest_ids", f"SELECT p.id {_NEWEST}", planned_anew=True)
CLOCK = _statement("clock", "SELECT pg_catalog.now()")
# What takes a posting out of answers and no more: of a view none of the lists is made for it.
STANDINGS = _statement(
    "standings",
    f"""
    SELECT {STANDING_COLUMNS}
    FROM {STANDINGS_FROM}
    WHERE p.id = ANY($1::text[])
    """,
)
CHANGED = _statement(
    "changed",
    f"""
    SELECT {STANDING_COLUMNS}
    FROM {STANDINGS_FROM}
    WHERE p.updated_at >= $1::timestamptz
    LIMIT $2::bigint
    """,
    planned_anew=True,  # how much has changed depends on since when
)
# The role by way of JSON: it is null, and no error, before a migration has made the column.
CREDENTIALS = _statement(
    "credentials",
    """
    SELECT c.name, c.scope, c.secret_hash, to_jsonb(c) ->> 'role'
    FROM connected_jobs.credential c
    WHERE c.revoked_at IS NULL
    """,
)
# Not prepared: it must not keep the pool from connecting before a migration has made the table.
ERASED = _statement(
    "erased",
    """
    SELECT member_hash
    FROM connected_jobs.erased_member
    WHERE erased_at > now() - make_interval(secs => $1::double precision)
    UNION ALL
    SELECT pg_catalog.sha256(pg_catalog.convert_to(member_id, 'UTF8'))
    FROM connected_jobs.consent
    WHERE withdrawn AND member_id IS NOT NULL AND noted_at > now() - make_interval(secs => $1::double precision)
    """,
    planned_anew=True,
)
# Not prepared, for the same reason. A send may keep what it began with for a week (`CJ_SEND_HOLD_S`).
EXPERIMENTS = _statement(
    "experiments",
    """
    SELECT key, campaign, salt, arms::text, started_at, stopped_at
    FROM connected_jobs.experiment
    WHERE started_at IS NOT NULL
      AND (stopped_at IS NULL OR stopped_at > pg_catalog.now() - pg_catalog.make_interval(days => 8))
    ORDER BY started_at, key
    """,
    planned_anew=True,
)
STATEMENTS = (
    PUBLICATIONS,
    SHELVES,
    SHELF_POOL,
    SAME_JOBS,
    HIDDEN,
    WEIGHTS,
    MEMBER_LIST,
    PROFILE,
    POSTINGS,
    NEWEST,
    CLOCK,
    STANDINGS,
    CHANGED,
    CREDENTIALS,
)
_NO_RUN = b"0"  # before any run there is no list to find


# What the primary is asked for where answers are read from standbys: which run is in force, and by which clock.
OF_THE_PRIMARY = (PUBLICATIONS, CLOCK)


def rows_of_the_primary(
    primary: ServingPool, standby: ServingPool, statement: Statement
) -> list[tuple[Any, ...]]:
    """The rows of one of `OF_THE_PRIMARY`; a standby's while the primary does not answer, when nothing new is published.

    Raises:
        UnavailableError: neither answers.
    """
    try:
        return primary.rows(statement)
    except UnavailableError:
        if standby is primary:
            raise
        return standby.rows(statement)


class PostgresStore:
    """The store behind the serving pool; whatever goes wrong on the way is an `UnavailableError`.

    A row that cannot be used is in no answer, and in `left_out`.
    """

    def __init__(
        self, pool: ServingPool, left_out: LeftOutRows | None = None, *, primary: ServingPool | None = None
    ) -> None:
        self._pool = pool
        self._primary = primary or pool
        self._left_out = left_out or LeftOutRows()
        self.behind = False

    def publications(self) -> list[Publication]:
        """Publications of runs that still have their lists, newest first; there are a handful of those."""
        return [
            Publication(number, Run(*of_run), effective_at, moves_sends, recipe)
            for number, *of_run, effective_at, moves_sends, recipe in rows_of_the_primary(
                self._primary, self._pool, PUBLICATIONS
            )
        ]

    def experiments(self) -> list[Experiment]:
        """Experiments that run, or that ended so lately that one of their sends may still go on; those with unreadable arms are left out."""
        found = []
        for key, campaign, salt, arms, started_at, stopped_at in rows_of_the_primary(
            self._primary, self._pool, EXPERIMENTS
        ):
            with suppress(ExperimentError):
                found.append(Experiment(key, campaign, salt, arms_from(arms), started_at, stopped_at))
        return found

    def shelves(self, run_id: int) -> list[Shelf]:
        """A run's shelves; a posting stands on many, and those of several runs are kept at once."""
        rows = self._pool.rows(SHELVES, [run_id])
        return [
            Shelf(category, region, [intern(id_) for id_ in ids[: len(reasons)]], list(reasons[: len(ids)]))
            for category, region, ids, reasons in rows
        ]

    def shelf_pool(self, run_id: int) -> list[Posting]:
        """The postings that a run's profiles are ranked over, as they were when it was made."""
        rows = self._pool.rows(SHELF_POOL, [run_id])
        return unpack_pool(rows[0][0]) if rows else []

    def same_jobs(self, run_id: int) -> list[list[str]]:
        """Postings of one job, group by group."""
        return [row[0] for row in self._pool.rows(SAME_JOBS, [run_id])]

    def hidden_since(self, since: datetime) -> list[str]:
        """Postings hidden since, and those whose standing cannot be read."""
        try:
            return [row[0] for row in self._pool.rows(HIDDEN, [since])]
        except ViewError:
            touched = [row[0] for row in self._pool.rows(TOUCHED, [since])]
        shown = {each.id for each in self.standings(touched) if each.status is not Status.HIDDEN}
        return [id_ for id_ in touched if id_ not in shown]

    def weights(self, run_id: int) -> dict[str, Any] | None:
        """The weights a run was made with."""
        rows = self._pool.rows(WEIGHTS, [run_id])
        return rows[0][0] if rows else None

    def newest_postings(self, count: int) -> list[Posting]:
        """Open postings, newest first."""
        try:
            return postings_from(self._pool.rows(NEWEST, [count]), self._left_out)
        except ViewError:
            return self.postings([row[0] for row in self._pool.rows(NEWEST_IDS, [count])])

    def member_row(
        self, member_id: str, run: Run | None, send: bytes, deadline: Deadline
    ) -> MemberRow | None:
        """A member's list in a run, what they ever applied to, and what mails showed them lately, in one round trip."""
        number = b"%d" % run.id if run else _NO_RUN
        try:
            result = self._pool.run(MEMBER_LIST, [number, member_id.encode(), send], deadline)
        except UntranslatableError:
            return None  # an id that no member can have here
        except ViewError as error:  # what they applied to is not known, so no list of theirs can be answered
            self._left_out.add("member", member_id, unreadable_row(error))
            raise
        if result.ntuples == 0:
            return None
        mailable, ids, reasons, applied, anchors, anchored, lately = map(
            result.get_value, repeat(0), range(7)
        )
        if mailable != b"\1":
            return MemberRow(mailable=False)
        return MemberRow(
            mailable=True,
            posting_ids=ids.decode() if ids else "",
            reasons=bytes(reasons) if reasons else b"",
            applied=applied.decode() if applied else "",
            anchors=anchors.decode() if anchors else "",
            anchored=bytes(anchored) if anchored else b"",
            lately=lately.decode() if lately else "",
        )

    def profile(self, member_id: str, deadline: Deadline) -> Member | None:
        """A mailable member's profile."""
        rows = read_in_halves(
            "member", lambda ids: self._pool.rows(PROFILE, ids, deadline), [member_id], self._left_out
        )
        try:
            return member_from(rows[0]) if rows else None
        except UnreadableRowError as error:
            self._left_out.add("member", member_id, error)
            return None

    def postings(self, ids: Sequence[str], deadline: Deadline | None = None) -> list[Posting]:
        """Postings by id."""
        rows = read_in_halves(
            "posting", lambda part: self._pool.rows(POSTINGS, [list(part)], deadline), ids, self._left_out
        )
        return postings_from(rows, self._left_out)

    def clock(self) -> datetime:
        """The server's clock."""
        now: datetime = self._pool.rows(CLOCK)[0][0]
        return now

    def standings(self, ids: Sequence[str]) -> list[Standing]:
        """Where postings stand."""
        return _standings(
            read_in_halves(
                "posting", lambda part: self._pool.rows(STANDINGS, [list(part)]), ids, self._left_out
            )
        )

    def standings_changed_since(self, since: datetime, most: int) -> list[Standing] | None:
        """Standings of the postings changed since; None where there are more than `most`."""
        rows = self._pool.rows(CHANGED, [since, most + 1])
        return None if len(rows) > most else _standings(rows)

    def erased(self, within_s: float) -> frozenset[bytes]:
        """Hashes of the members erased lately."""
        return frozenset(bytes(row[0]) for row in self._pool.rows(ERASED, [within_s]))

    def credentials(self) -> list[Credential]:
        """Every credential that is not revoked; one of a scope or role that this release does not know opens nothing here."""
        return [
            Credential(name, Scope(scope), bytes(hashed), Role(role or Role.ADMINISTER))
            for name, scope, hashed, role in self._pool.rows(CREDENTIALS)
            if scope in _SCOPES and (role is None or role in _ROLES)
        ]


_SCOPES, _ROLES = frozenset(Scope), frozenset(Role)


def _standings(rows: Iterable[tuple[Any, ...]]) -> list[Standing]:
    """One for each id; of two with one id the one that ends first, as `postings_from` does."""
    found: dict[str, Standing] = {}
    for new in map(standing_from, rows):
        found[new.id] = min(found.get(new.id, new), new, key=shown_until)
    return list(found.values())
