"""Each alert is rehearsed: the fault it is for is brought about, and a real Prometheus with the published rules says so.

The rules' minutes last a twelfth of one, so that two minutes of a fault are ten seconds.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
import pytest
import yaml

from tests.faults.processes import master, workers
from tests.faults.rig import rig
from tests.faults.valkey_server import Valkey
from tests.web.gunicorn_server import gunicorn
from tests.web.prometheus_server import OBSERVABILITY, Prometheus, configure, prometheus, wait_until
from tests.web.wire import basic, exchange, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.faults.own_postgres import OwnPostgres
    from tests.faults.rig import Rig

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("prometheus"), reason="prometheus is not installed (Debian: prometheus)"
    ),
]

HURRY = 12
SOON_S = 130.0  # in this hurry the slowest rule looks back fifty seconds and waits as long
ASKED = "/v1/members/f-00001/recommendations?campaign=weekly"
# What cannot be brought about here; docs/observability/alerts_test.yml tests their rules.
NOT_REHEARSED = {
    "CallsFailing": "a 500 is a defect, and none is known",
    "ServiceNotScraped": "it is about Prometheus's configuration",
    "SnapshotNotWritten": "the file is written once a minute, too seldom for this hurry; test_memory.py counts it",
    "WorkerTooLarge": "it takes a gigabyte of memory",
    "PlannerEvidenceOld": "a planner's metrics have a test of their own",
    "PlannerSendsRefused": "same",
    "PlannerRowsLeftOut": "same",
    "PlannerFailing": "same",
    "SyncLate": "same, from what runs of syncs leave in the tables",
    "SyncRowsRefused": "same",
    "SyncEventsOld": "same",
    "SyncPausedLong": "same",
    "WorkerLeaksFiles": "a leak is a defect, and none is known",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A service, and the Prometheus that watches it."""

    service: Rig
    prometheus: Prometheus

    @property
    def port(self) -> int:
        """Where the service answers."""
        return self.service.server.port

    def ask(self, target: str = ASKED, secret: str | None = None, *headers: str) -> None:
        """Make one call, whatever becomes of it."""
        given = basic("braze") if secret is None else basic("braze", secret)
        exchange(self.port, request(target, authorization=given, headers=headers))

    def run_sql(self, statement: str) -> None:
        """Change the board behind the service's back."""
        with psycopg.connect(self.service.database_url) as connection:
            connection.execute(statement)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong for as long as its stack lasts, and the alerts that must say so."""

    alerts: set[str]
    begin: Callable[[Watched, ExitStack], None]
    settings: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def again_and_again(act: Callable[[int], None], every_s: float) -> Iterator[None]:
    """Do something beside the test until it ends; calls that break are part of the fault."""
    ended = threading.Event()

    def go_on() -> None:
        for number in itertools.count():
            if ended.wait(every_s):
                return
            with suppress(OSError, IndexError):
                act(number)

    thread = threading.Thread(target=go_on, name="fault", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Processes that stand still."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def postgres_gone(seen: Watched, stack: ExitStack) -> None:
    stack.enter_context(seen.service.calls(60.0))
    stack.enter_context(seen.service.proxy.down())


def replies_slow(seen: Watched, stack: ExitStack) -> None:
    stack.enter_context(seen.service.calls(40.0))
    stack.enter_context(seen.service.proxy.slowed(0.5))


def replies_a_little_slow(seen: Watched, stack: ExitStack) -> None:
    stack.enter_context(seen.service.calls(4.0))
    stack.enter_context(seen.service.proxy.slowed(0.45))


def replies_near_the_cut_off(seen: Watched, stack: ExitStack) -> None:
    stack.enter_context(seen.service.calls(3.0))
    stack.enter_context(seen.service.proxy.slowed(1.6))


def called_at(rate_rps: float) -> Callable[[Watched, ExitStack], None]:
    def begin(seen: Watched, stack: ExitStack) -> None:
        stack.enter_context(seen.service.calls(rate_rps))

    return begin


def asking(
    target: Callable[[int], str], every_s: float, *headers: str
) -> Callable[[Watched, ExitStack], None]:
    def begin(seen: Watched, stack: ExitStack) -> None:
        stack.enter_context(again_and_again(lambda number: seen.ask(target(number), None, *headers), every_s))

    return begin


def late_calls(seen: Watched, stack: ExitStack) -> None:
    def ask(_number: int) -> None:
        seen.ask(ASKED, None, f"X-Request-Start: t={time.time() - 1.2:.3f}")

    stack.enter_context(again_and_again(ask, 0.05))


def guesses(seen: Watched, stack: ExitStack) -> None:
    stack.enter_context(again_and_again(lambda _: seen.ask(ASKED, "guessed"), 0.01))


def valkey_gone(seen: Watched, stack: ExitStack) -> None:
    stack.enter_context(seen.service.calls(20.0))


def a_worker_stands_still(seen: Watched, stack: ExitStack) -> None:
    stack.enter_context(stopped(workers(seen.service.server)[:1]))


def all_stand_still(seen: Watched, stack: ExitStack) -> None:
    server = seen.service.server
    stack.enter_context(stopped([master(server), *workers(server)]))


def workers_die(seen: Watched, stack: ExitStack) -> None:
    def kill(_number: int) -> None:
        for pid in workers(seen.service.server):
            os.kill(pid, signal.SIGKILL)

    stack.enter_context(again_and_again(kill, 2.0))


def lists_of_long_ago(seen: Watched, _stack: ExitStack) -> None:
    seen.run_sql(
        "UPDATE connected_jobs.refresh_run SET finished_at = now() - interval '2 days', cutoff_at = now() - interval '2 days'"
    )


def lists_without_a_row(seen: Watched, _stack: ExitStack) -> None:
    seen.run_sql("UPDATE connected_jobs.refresh_run SET measures = '{\"rows_left_out\": 3}'")


def nothing_published(seen: Watched, _stack: ExitStack) -> None:
    seen.run_sql("DELETE FROM connected_jobs.publication")


def a_title_is_lost(seen: Watched, stack: ExitStack) -> None:
    lose = "UPDATE board.posting SET title = '', updated_at = now() WHERE id = 'p-01'"
    stack.enter_context(again_and_again(lambda _number: seen.run_sql(lose), 2.0))


def lists_that_fail(seen: Watched, stack: ExitStack) -> None:
    seen.run_sql("UPDATE connected_jobs.recommendation_list SET reasons = 'x'")
    stack.enter_context(again_and_again(lambda _number: seen.ask(), 0.1))


FAULTS = {
    "Postgres gone": Fault(
        {"AnswersWithoutPostgres", "PostgresHeldBack", "ClosingsUnseen", "BackgroundReadsFailing"},
        postgres_gone,
    ),
    "Postgres slower than the deadline": Fault(
        {"PoolExhausted", "PostgresFailing"}, replies_slow, {"CJ_DEADLINE_MS": "400"}
    ),
    "Postgres a little slow": Fault({"AnswersSlow"}, replies_a_little_slow),
    "Postgres slow, and much patience": Fault(
        {"AnswersNearCutOff"}, replies_near_the_cut_off, {"CJ_DEADLINE_MS": "1950", "CJ_POOL_WAIT_MS": "1000"}
    ),
    "above the soft line": Fault({"AnswersOverSoftLine"}, called_at(40.0), {"CJ_SOFT_RPS": "20"}),
    "above the hard line": Fault(
        {"CallsOverHardLine", "HostNearUnhealthy"}, called_at(450.0), {"CJ_HARD_RPS": "20"}
    ),
    "calls that waited outside": Fault({"AnswersLate"}, late_calls, {"CJ_TRUST_REQUEST_START": "on"}),
    "secrets guessed": Fault({"SecretsGuessed", "CallersRefused"}, guesses),
    "a template that asks wrongly": Fault(
        {"CallsMalformed"}, asking(lambda _: "/v1/members/f-00001/recommendations", 0.1)
    ),
    "members nobody knows": Fault(
        {"CampaignMostlyPopular"},
        asking(lambda number: f"/v1/members/nobody-{number}/recommendations?campaign=weekly", 0.1),
    ),
    "campaigns without end": Fault(
        {"CampaignNamesFull"},
        asking(lambda number: f"/v1/members/f-00001/recommendations?campaign=c-{number}", 0.02),
    ),
    "Valkey gone": Fault({"SharedLimitsLost"}, valkey_gone, {"CJ_LIMITS_URI": "gone"}),
    "a worker stands still": Fault({"WatchStuck"}, a_worker_stands_still),
    "the service stands still": Fault({"ServiceUnreachable"}, all_stand_still),
    "workers die": Fault({"WorkersKeepDying"}, workers_die, {"CJ_WORKERS": "1"}),
    "a posting without a title": Fault({"RowsLeftOut"}, a_title_is_lost),
    "lists that fail": Fault({"AnswersFaulty"}, lists_that_fail),
    "lists made without a row": Fault({"ListsWithoutRows"}, lists_without_a_row),
    "lists of two days ago": Fault({"ListsOld"}, lists_of_long_ago),
    "nothing published": Fault({"ListsMissing"}, nothing_published),
}


@contextmanager
def watched(
    postgres: OwnPostgres, board: str, folder: Path, settings: Mapping[str, str]
) -> Iterator[Watched]:
    """A service on a board with lists of today, watched."""
    with psycopg.connect(postgres.database_url(board)) as connection:
        connection.execute("UPDATE connected_jobs.refresh_run SET finished_at = now()")
    (folder / "prometheus").mkdir()
    with rig(postgres, board, folder / "service", gunicorn, **settings) as service:
        configure(folder / "prometheus", service.server.port, hurry=HURRY)
        with prometheus(folder / "prometheus") as watching:
            wait_until(lambda: watching.ask("sum(up)") != [])
            yield Watched(service, watching)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_by_its_alerts_and_they_end_with_it(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, fault: str
) -> None:
    wanted = FAULTS[fault]
    with ExitStack() as parts:
        settings = dict(wanted.settings)
        if "CJ_LIMITS_URI" in settings:
            valkey = Valkey()
            valkey.start()
            settings["CJ_LIMITS_URI"] = valkey.uri
            parts.callback(valkey.kill)
        seen = parts.enter_context(watched(postgres, board_name, tmp_path, settings))
        with ExitStack() as going_on:
            wanted.begin(seen, going_on)
            if "CJ_LIMITS_URI" in settings:
                valkey.kill()
            wait_until(lambda: wanted.alerts <= seen.prometheus.alerts("firing"), within_s=SOON_S)
        if fault == "Postgres gone":
            with seen.service.calls(20.0):
                wait_until(lambda: not wanted.alerts & seen.prometheus.alerts("firing"), within_s=SOON_S)


def test_on_a_good_day_no_alert_fires(postgres: OwnPostgres, board_name: str, tmp_path: Path) -> None:
    with watched(postgres, board_name, tmp_path, {}) as seen, seen.service.calls(40.0):
        end_s = time.monotonic() + 40.0
        while time.monotonic() < end_s:
            assert seen.prometheus.alerts("firing") == set()
            time.sleep(1.0)


def test_every_alert_is_rehearsed_or_says_why_not() -> None:
    groups = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    every = {rule["alert"] for group in groups for rule in group["rules"]}
    rehearsed = set().union(*(fault.alerts for fault in FAULTS.values()))
    assert rehearsed | set(NOT_REHEARSED) == every
    assert rehearsed.isdisjoint(NOT_REHEARSED)
