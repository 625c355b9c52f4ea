"""How far behind its primary a standby is that answers are read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.postgres.serving.pool import Statement

if TYPE_CHECKING:
    from app.postgres.serving.pool import ServingPool

PROMISED_S = 30.0  # within which a closing is known
# Where all that came is replayed and more would come at once, it is not behind, however long ago the last change was.
_LAG = Statement(
    b"lag",
    b"""
    SELECT CASE
        WHEN NOT pg_catalog.pg_is_in_recovery() THEN 0
        WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn()
             AND EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver) THEN 0
        ELSE EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()
                     - COALESCE(pg_catalog.pg_last_xact_replay_timestamp(), pg_catalog.pg_postmaster_start_time()))
    END::pg_catalog.float8
    """,
    planned_anew=True,
)


class ReplicationLag:
    """How many seconds the standby is behind its primary; 0 on a primary."""

    def __init__(self, pool: ServingPool) -> None:
        self._pool = pool
        self.seconds = 0.0

    def update(self) -> None:
        """Measure it now; raises `UnavailableError`."""
        self.seconds = self._pool.rows(_LAG)[0][0] or 0.0

    @property
    def sentence(self) -> str | None:
        """What is to be known of it; None where what is promised holds."""
        if self.seconds <= PROMISED_S:
            return None
        return (
            f"The standby that is read is {self.seconds:.0f} s behind its primary: what was closed or applied to "
            "since may be shown. See its replication, or read from the primary."
        )
