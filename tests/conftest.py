"""What every test may ask for."""

from __future__ import annotations

import gc
import os
import signal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from hypothesis import settings
from jinja2 import BytecodeCache

# Tests run side by side, as a refresh's processes do, and this keeps linear algebra to one thread in each. Stands before
# anything imports numpy; programs that a test starts inherit it.
import app.cli  # noqa: F401
from tests.postgres_fixtures import bare_database_url, database_url, engine, server_url, template

if TYPE_CHECKING:
    from jinja2.bccache import Bucket

# One Postgres a worker, for every folder's tests.
__all__ = ["bare_database_url", "database_url", "engine", "server_url", "template"]

# What is collected lives as long as the worker: nothing of it is garbage to look for, then or later.
gc.disable()


class CompiledTemplates(BytecodeCache):
    """Each template is compiled once a worker: hundreds of tests make an application of their own."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._kept.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}

# How long an example takes says how busy the machine is, not whether it is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A job in a shell's background begins with Ctrl-C ignored, and so would every program that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent
# The product as people and other programs meet it, as `make whole` runs it: demos, documents as printed, pages in a browser;
# what nginx, Prometheus, Helm, Dask, Ruby's Liquid, schemathesis, S3, PgBouncer and other Postgres servers make of it; boards of
# others and poisoned ones, killed refreshes, a load test's programs, real data.
WHOLE = [
    TESTS / name
    for name in (
        "browser",
        "deploy",
        "load",
        "real_data",
        "integration/test_airbridge_raw_data.py",
        "integration/test_board_views.py",
        "integration/test_boards_of_others.py",
        "integration/test_debian_postgres.py",
        "integration/test_demo.py",
        "integration/test_embedded.py",
        "integration/test_failover.py",
        "integration/test_observability.py",
        "integration/test_on_cluster.py",
        "integration/test_pasted_lines.py",
        "integration/test_pgbouncer.py",
        "integration/test_production.py",
        "integration/test_refresh.py",
        "integration/test_warehouse.py",
        "unit/braze/liquid/test_liquid_and_ruby.py",
        "web/pages/test_poison.py",
        "web/test_capacity_openapi.py",
        "web/test_circle.py",
        "web/test_counted.py",
        "web/test_every_member.py",
        "web/test_nginx.py",
        "web/test_openapi.py",
        "web/test_prometheus.py",
        "web/test_standby.py",
    )
]
# Files that take longest, or whose set-up costs most: they are begun first, so that no two workers share one.
LONGEST = [
    TESTS / name
    for name in (
        "integration/test_pasted_lines.py",
        "browser/test_pages.py",
        "browser/test_calendar.py",
        "integration/test_refresh.py",
        "integration/test_demo.py",
        "web/test_every_member.py",
        "web/test_circle.py",
        "web/test_capacity_openapi.py",
        "web/test_openapi.py",
        "web/test_counted.py",
    )
]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what `make whole` runs."""
    if is_whole(item.path):
        item.add_marker(pytest.mark.whole)


@cache
def is_whole(file: Path) -> bool:
    """Whether a file's tests meet the product as a whole."""
    return any(file.is_relative_to(path) for path in WHOLE)


@pytest.hookimpl(trylast=True)  # when it is known which tests run
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, put the tests in the order in which `--dist worksteal` deals them well."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        items[:] = dealt(items, workers)


def pytest_collection_finish() -> None:
    """From now on garbage is looked for among what tests make."""
    gc.freeze()
    gc.enable()


def dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Deal files with servers and boards to set up whole, the longest first; fill up with unit tests.

    Each worker gets a run of the order, as long as the others', and works from its beginning. One that has ended its own
    takes tests from another's end: unit tests, which share no set-up.
    """
    files: dict[Path, list[pytest.Item]] = {}
    plain: list[pytest.Item] = []
    for item in items:
        own = item.path.is_relative_to(TESTS / "unit")
        (plain if own else files.setdefault(item.path, [])).append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    order = sorted(files, key=lambda path: LONGEST.index(path) if path in LONGEST else len(LONGEST))
    for place, path in enumerate(order):
        shares[place % workers] += files[path]
    made: list[pytest.Item] = []
    for number, share in enumerate(shares):
        room = max(0, (len(items) - len(made)) // (workers - number) - len(share))
        made += share + plain[:room]
        del plain[:room]
    return made + plain


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real data for local tests; a test that needs it skips where it is absent."""
    folder = Path(os.environ.get("CONNECTED_JOBS_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data folder {folder} is not here; set CONNECTED_JOBS_DATA to where it is")
    return folder


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where every program is installed, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CONNECTED_JOBS_NO_SKIPS") and skipped and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
