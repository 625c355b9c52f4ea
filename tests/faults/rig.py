"""The service as users start it, with a proxy between it and Postgres, and its figures for a row of the table."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.conninfo import make_conninfo

from tests.faults.load import calls
from tests.faults.processes import Held, held, workers
from tests.faults.tcp_proxy import Proxy, proxy
from tests.web.board import VETOED
from tests.web.gunicorn_server import Server, gunicorn
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.faults.load import Load
    from tests.faults.own_postgres import OwnPostgres
    from tests.faults.tally import Tally

WORKERS, THREADS, CONNECTIONS = 2, 8, 8
# Every call asks Postgres; memory changes as often as a test can wait for.
SETTINGS = {
    "CJ_LIST_FRESH_S": "0",
    "CJ_POLL_S": "1",
    "CJ_LOG_PER_S": "1",
    "CJ_THREADS": str(THREADS),
    "CJ_CONNECTIONS": str(CONNECTIONS),
}


@dataclass(frozen=True, slots=True)
class Rig:
    """A running service and all that a test may break."""

    server: Server
    postgres: OwnPostgres
    proxy: Proxy
    database: str

    @property
    def database_url(self) -> str:
        """The database, at the socket of now, without the proxy."""
        return self.postgres.database_url(self.database)

    def calls(
        self, rate_rps: float = 150.0, *, port: int | None = None, **options: Any
    ) -> AbstractContextManager[Load]:
        """Calls to the service, or to a port before it, for as long as the context lasts."""
        return calls(port or self.server.port, rate_rps=rate_rps, **options)

    def held(self) -> Held:
        """What the workers hold now."""
        return held(workers(self.server))

    def metric(self, line_start: str) -> float:
        """The sum of the metric's lines that begin so."""
        got = call(self.server.port, "/metrics", authorization=basic("prometheus"))
        lines = got.body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(line_start))


def assert_promises(tally: Tally, *, usable: float = 1.0) -> None:
    """What every row promises: usable answers, and never a vetoed posting."""
    assert tally.calls > 0
    assert tally.usable_share >= usable, (
        tally.usable_share,
        tally.failures,
    )
    assert tally.showing(VETOED) == 0


def through(port: int, name: str) -> str:
    """A database, reached over TCP on loopback."""
    return make_conninfo(host="127.0.0.1", port=port, user="postgres", dbname=name)


@contextmanager
def rig(
    postgres: OwnPostgres,
    name: str,
    folder: Path,
    start: Callable[..., AbstractContextManager[Server]] = gunicorn,
    **settings: str,
) -> Iterator[Rig]:
    """The service on a database behind a proxy."""
    with proxy(postgres.socket) as between:
        chosen = SETTINGS | {"CJ_SNAPSHOT": str(folder / "saved.json")} | settings
        with start(
            through(between.port, name), folder, workers=int(chosen.pop("CJ_WORKERS", WORKERS)), **chosen
        ) as server:
            yield Rig(server, postgres, between, name)
