"""Fixtures of the fault tests, and the table of what was measured, at the end of the run."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.granian_server import granian
from tests.faults.own_postgres import OwnPostgres, make_board
from tests.faults.rig import Rig, rig
from tests.postgres_fixtures import quick_folder
from tests.web.gunicorn_server import gunicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.tally import Tally

BOARD = "board"
_rows: list[str] = []
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What happens to calls under a fault is told by their times: nothing may run beside."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="session")
def postgres() -> Iterator[OwnPostgres]:
    """A Postgres to be broken, with a board to copy."""
    folder = Path(tempfile.mkdtemp(prefix="connected-jobs-faults-", dir=quick_folder()))
    folder.chmod(0o711)
    server = OwnPostgres(folder / "postgres")
    server.start()
    try:
        make_board(server, BOARD)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", params=["gunicorn", pytest.param("granian", marks=pytest.mark.slow)])
def running(
    request: pytest.FixtureRequest, postgres: OwnPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """A service that outlives its faults: each test leaves it as it found it."""
    name = postgres.copy(f"board_{next(_numbers)}", BOARD)
    start = {"gunicorn": gunicorn, "granian": granian}[request.param]
    with rig(postgres, name, tmp_path_factory.mktemp("rig"), start=start) as service:
        yield service


@pytest.fixture
def board_name(postgres: OwnPostgres) -> str:
    """A board of the test's own."""
    return postgres.copy(f"board_{next(_numbers)}", BOARD)


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Write a row of the table."""
    server = "granian | " if "granian" in request.node.name else ""

    def write(row: str, tally: Tally, *, recovered_s: float | None = None, **more: Any) -> None:
        reasons = ", ".join(f"{reason} {share:.1%}" for reason, share in tally.degraded.items()) or "none"
        failures = ", ".join(f"{kind} {count}" for kind, count in tally.failures.items()) or "none"
        _rows.append(
            f"{server}{row} | calls {tally.calls} | usable {tally.usable_share:.2%} | degraded {reasons} | failed {failures}"
            f" | p50 {tally.quantile_ms(0.5):.0f} p99 {tally.quantile_ms(0.99):.0f} worst {tally.quantile_ms(1.0):.0f} ms"
            f" | normal after {'-' if recovered_s is None else f'{recovered_s:.1f} s'}"
            + "".join(f" | {name} {value}" for name, value in more.items())
        )

    return write


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    if _rows:
        terminalreporter.section("faults")
        for row in _rows:
            terminalreporter.write_line(row)
