"""Braze's profiles: which member each is, which were merged or deleted, and who withdrew consent to mail."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from app.postgres.board.load import ERASE_OR_MERGE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import psycopg

_NAMELESS_TABLES = ("exposure", "click", "mail_event", "consent")
_OF_A_MEMBER = ("lately_shown", "outcome", "enrolment")  # what is made of the others
_DELETED = "deleted "
_MOST_MERGES = 8  # of one profile, each into the next
_MARGIN = "1 hour"  # an erasure may wait so long for a file to be read


@dataclass(frozen=True, slots=True)
class Consent:
    """The last change of consent to mail of a profile: whether it was withdrawn, and when."""

    braze_user: str
    member_id: str | None
    withdrawn: bool
    changed_at: datetime


@dataclass(slots=True)
class Tombstones:
    """Hashes of erased members and of profiles deleted in Braze: no row of theirs comes back."""

    members: set[bytes]
    users: set[bytes]

    def buries(self, member_id: str | None, braze_user: str) -> bool:
        """Whether the member was erased, or the profile deleted."""
        return bool(
            (self.members and member_id is not None and user_hash(member_id) in self.members)
            or (self.users and user_hash(braze_user) in self.users)
        )


def user_hash(id_: str) -> bytes:
    """All that is kept of a profile that was deleted in Braze, or of a member who was erased."""
    return sha256(id_.encode()).digest()


def name_of_deleted(braze_user: str) -> str:
    """What a withdrawal of consent is kept under once its profile was deleted in Braze: its member takes no mail for that."""
    return f"{_DELETED}{user_hash(braze_user).hex()}"


def select_tombstones(driver: psycopg.Connection) -> Tombstones:
    """All tombstones."""
    members = driver.execute("SELECT member_hash FROM connected_jobs.erased_member").fetchall()
    users = driver.execute("SELECT user_hash FROM connected_jobs.erased_braze_user").fetchall()
    return Tombstones({bytes(one) for (one,) in members}, {bytes(one) for (one,) in users})


def keep_erasures_out(driver: psycopg.Connection, known: Tombstones) -> None:
    """Make erasures wait until this transaction ends, and learn of those since."""
    driver.execute("SELECT pg_advisory_xact_lock_shared(%s)", [ERASE_OR_MERGE])
    known.members.update(
        bytes(one)
        for (one,) in driver.execute(
            f"SELECT member_hash FROM connected_jobs.erased_member WHERE erased_at > now() - interval '{_MARGIN}'"
        )
    )


def put_users(driver: psycopg.Connection, members: Mapping[str, str]) -> None:
    """Learn which member each profile is; of two members that one is said to be, the greater stays."""
    with driver.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO connected_jobs.braze_user AS u (braze_user, member_id)
            SELECT * FROM unnest(%s::text[], %s::text[])
            ON CONFLICT (braze_user) DO UPDATE SET member_id = EXCLUDED.member_id
            WHERE u.member_id IS NULL OR u.member_id < EXCLUDED.member_id
            """,
            [list(members), list(members.values())],
        )


def put_merges(driver: psycopg.Connection, merged: Mapping[str, str]) -> None:
    """Learn which profile remains of each that was orphaned."""
    driver.execute(
        """
        INSERT INTO connected_jobs.braze_user AS u (braze_user, merged_into)
        SELECT * FROM unnest(%s::text[], %s::text[])
        ON CONFLICT (braze_user) DO UPDATE SET merged_into = EXCLUDED.merged_into
        WHERE u.merged_into IS NULL OR u.merged_into < EXCLUDED.merged_into
        """,
        [list(merged), list(merged.values())],
    )


def put_consents(driver: psycopg.Connection, consents: Iterable[Consent]) -> None:
    """Keep the last change of each profile; of two in one second, the withdrawal."""
    members = set()
    for one in consents:
        if one.member_id is not None:
            members.add(one.member_id)
        driver.execute(
            """
            INSERT INTO connected_jobs.consent AS c (braze_user, member_id, nameless, withdrawn, changed_at)
            VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (braze_user) DO UPDATE
            SET member_id = CASE WHEN EXCLUDED.nameless THEN c.member_id
                                 WHEN c.nameless THEN EXCLUDED.member_id
                                 ELSE GREATEST(c.member_id, EXCLUDED.member_id) END,
                nameless = c.nameless AND EXCLUDED.nameless,
                withdrawn = CASE WHEN (EXCLUDED.changed_at, EXCLUDED.withdrawn) > (c.changed_at, c.withdrawn)
                                 THEN EXCLUDED.withdrawn ELSE c.withdrawn END,
                changed_at = GREATEST(c.changed_at, EXCLUDED.changed_at),
                noted_at = clock_timestamp()
            WHERE (EXCLUDED.changed_at, EXCLUDED.withdrawn) > (c.changed_at, c.withdrawn)
               OR c.nameless AND NOT EXCLUDED.nameless
               OR NOT c.nameless AND NOT EXCLUDED.nameless AND c.member_id < EXCLUDED.member_id
            """,
            [one.braze_user, one.member_id, one.member_id is None, one.withdrawn, one.changed_at],
        )
    if members:
        _lift_withdrawals(driver, members)


def _lift_withdrawals(driver: psycopg.Connection, members: Collection[str]) -> None:
    """Forget what was withdrawn under a profile that is deleted, where the member consented later under another."""
    driver.execute(
        """
        DELETE FROM connected_jobs.consent d
        USING connected_jobs.consent n
        WHERE d.member_id = ANY(%s) AND starts_with(d.braze_user, %s)
          AND n.member_id = d.member_id AND NOT n.withdrawn AND n.changed_at > d.changed_at
        """,
        [sorted(members), _DELETED],
    )


def name_the_nameless(driver: psycopg.Connection) -> None:
    """Give rows whose event named no member the one that `braze_user` knows now, through every merge."""
    for table in _NAMELESS_TABLES:
        noted = ", noted_at = clock_timestamp()" if table == "consent" else ""
        driver.execute(
            f"""
            WITH RECURSIVE known (braze_user, member_id, merged_into, merges) AS (
                SELECT n.braze_user, u.member_id, u.merged_into, 0
                FROM (SELECT DISTINCT braze_user FROM connected_jobs.{table} WHERE nameless) n
                JOIN connected_jobs.braze_user u ON u.braze_user = n.braze_user
                UNION ALL
                SELECT k.braze_user, u.member_id, u.merged_into, k.merges + 1
                FROM known k
                JOIN connected_jobs.braze_user u ON u.braze_user = k.merged_into
                WHERE k.merges < {_MOST_MERGES}
            ), last AS (
                SELECT DISTINCT ON (braze_user) braze_user, member_id
                FROM known
                WHERE member_id IS NOT NULL
                ORDER BY braze_user, merges DESC
            )
            UPDATE connected_jobs.{table} t
            SET member_id = last.member_id{noted}
            FROM last
            WHERE t.braze_user = last.braze_user AND t.nameless AND t.member_id IS DISTINCT FROM last.member_id
            """
        )


def delete_users(driver: psycopg.Connection, braze_users: Collection[str]) -> set[str]:
    """Erase all that Braze told of profiles that were deleted there, with those merged into them; a hash of each id stays.

    So is what a sync's ledger says that this workspace has of them: it has it no longer. A member's own list and the board's
    rows are not touched: who is to be erased from these is erased by `members erase`. That a member withdrew consent stays
    too, under the hash: else the deletion would bring their mails back.

    Returns:
        All the profiles that are gone.
    """
    if not braze_users:
        return set()
    rows = _with_merged(driver, braze_users)
    gone = sorted({user for user, _ in rows})
    members = sorted({member for _, member in rows if member is not None})
    driver.execute(
        """
        INSERT INTO connected_jobs.erased_braze_user (user_hash)
        SELECT unnest(%s::bytea[])
        ON CONFLICT (user_hash) DO NOTHING
        """,
        [[user_hash(user) for user in gone]],
    )
    for table in ("exposure", "click", "mail_event"):
        driver.execute(f"DELETE FROM connected_jobs.{table} WHERE nameless AND braze_user = ANY(%s)", [gone])
        driver.execute(
            f"DELETE FROM connected_jobs.{table} WHERE member_id = ANY(%s) AND braze_user = ANY(%s)",
            [members, gone],
        )
    for table in _OF_A_MEMBER:
        driver.execute(f"DELETE FROM connected_jobs.{table} WHERE member_id = ANY(%s)", [members])
    driver.execute(
        """
        DELETE FROM connected_jobs.attribute_sent
        WHERE member_id = ANY(%s)
          AND destination_id IN (SELECT id FROM connected_jobs.sync_destination WHERE identity LIKE 'braze:%%')
        """,
        [members],
    )
    withdrawals = _withdrawals(driver, gone, members)
    for table in ("consent", "braze_user"):
        driver.execute(f"DELETE FROM connected_jobs.{table} WHERE braze_user = ANY(%s)", [gone])
    put_consents(driver, withdrawals)
    return set(gone)


def _with_merged(driver: psycopg.Connection, braze_users: Collection[str]) -> list[tuple[str, str | None]]:
    """Profiles, with those merged into them through every merge, and which member each is."""
    return driver.execute(
        f"""
        WITH RECURSIVE gone (braze_user, member_id, merges) AS (
            SELECT d.braze_user COLLATE "C", u.member_id, 0
            FROM unnest(%s::text[]) d (braze_user)
            LEFT JOIN connected_jobs.braze_user u ON u.braze_user = d.braze_user
            UNION
            SELECT u.braze_user, u.member_id, g.merges + 1
            FROM gone g
            JOIN connected_jobs.braze_user u ON u.merged_into = g.braze_user
            WHERE g.merges < {_MOST_MERGES}
        )
        SELECT DISTINCT braze_user, member_id
        FROM gone
        """,
        [list(braze_users)],
    ).fetchall()


def _withdrawals(driver: psycopg.Connection, gone: Collection[str], members: Sequence[str]) -> list[Consent]:
    """Consent that members withdrew under profiles that go; what no profile names is of the only member that they all are."""
    only = members[0] if len(members) == 1 else None
    return [
        Consent(name_of_deleted(user), member or only, True, changed_at)
        for user, member, changed_at in driver.execute(
            "SELECT braze_user, member_id, changed_at FROM connected_jobs.consent WHERE braze_user = ANY(%s) AND withdrawn",
            [gone],
        )
        if member or only
    ]


def delete_member_feedback(driver: psycopg.Connection, member_id: str) -> dict[str, int]:
    """Erase a member from every table of the loop; returns how many rows went from which."""
    users = [
        user
        for (user,) in driver.execute(
            "SELECT braze_user FROM connected_jobs.braze_user WHERE member_id = %s", [member_id]
        )
    ]
    erased = {}
    for table in ("exposure", "click", "mail_event"):
        by_name = driver.execute(f"DELETE FROM connected_jobs.{table} WHERE member_id = %s", [member_id])
        nameless = driver.execute(
            f"DELETE FROM connected_jobs.{table} WHERE nameless AND braze_user = ANY(%s)", [users]
        )
        erased[f"connected_jobs.{table}"] = by_name.rowcount + nameless.rowcount
    for table in (*_OF_A_MEMBER, "consent", "braze_user", "airbridge_event"):
        done = driver.execute(f"DELETE FROM connected_jobs.{table} WHERE member_id = %s", [member_id])
        erased[f"connected_jobs.{table}"] = done.rowcount
    driver.execute(
        """
        INSERT INTO connected_jobs.erased_braze_user (user_hash, member_hash)
        SELECT unnest(%s::bytea[]), %s
        ON CONFLICT (user_hash) DO NOTHING
        """,
        [[user_hash(user) for user in users], user_hash(member_id)],
    )
    return erased


def restore_users(driver: psycopg.Connection, member_id: str) -> None:
    """Let events of a member's profiles in again, who was erased; not those of profiles deleted in Braze."""
    driver.execute(
        "DELETE FROM connected_jobs.erased_braze_user WHERE member_hash = %s", [user_hash(member_id)]
    )
