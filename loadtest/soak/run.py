"""`python -m loadtest.soak`: a long send at a steady rate, while workers are recycled and a refresh is published.

A demo of its own on the first core, open arrivals from the second, every call another member. Each worker ends after
so many calls as come to it in `--recycle-s`; half-way `connected-jobs refresh --at-once` makes and publishes every list
anew, at the lowest priority on the generator's core. It ends with what became of the calls, and whether memory grew.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec

from loadtest.ceiling.evidence import StepRecord
from loadtest.ceiling.phases import PhaseRunner
from loadtest.ceiling.slo import read_pass_line
from loadtest.ceiling.step import SearchBudget, StepRunner
from loadtest.ceiling.terminal import Terminal
from loadtest.demo_service import (
    CONNECTED_JOBS,
    GENERATOR_CORE,
    Demo,
    pin,
    pin_generator,
    pinning,
    running,
)
from loadtest.errors import LoadtestError
from loadtest.generator import readiness, target
from loadtest.generator.http_client import CutOffError, HttpClient, NoReplyError
from loadtest.generator.options import SenderOptions, new_send_name
from loadtest.generator.sender import Sender
from loadtest.generator.stats import Histogram
from loadtest.generator.workers import load_generator
from loadtest.outputs import dated
from loadtest.soak.memory import Memory
from loadtest.soak.report import SECONDS_PER_MIN, BadSecond, Refreshed, Soak, SoakMinute, sentence, table

READY_WITHIN_S = 30.0
SAMPLE_EVERY_S = 2.0
SETTLE_SHARE = 0.4  # of a worker's life, until its caches are taken to be full
SCRAPE_EVERY_S = 15.0  # as Prometheus would
SCRAPE_WITHIN_S = 2.0
REFRESH_WITHIN_S = 600.0
HTTP_OK = 200
# Small enough to be full soon after a worker's start: what grows after that is no cache. And so few members' lists
# are kept that every call reads Postgres.
KEPT_LISTS = 1_000
CONNECTION_BROKE = ("closed", "network", "refused")


@dataclass(frozen=True, kw_only=True)
class SoakOptions:
    """What a soak does; `recycle_s` is about how long a worker lives, `members` and `postings` are the board's size."""

    rps: float
    seconds: float
    workers: int
    recycle_s: float
    members: int
    postings: int

    @property
    def recycle_calls(self) -> int:
        """Calls after which a worker ends: its share of those of its life."""
        return max(int(self.rps / self.workers * self.recycle_s), 1)

    def settings(self) -> dict[str, str]:
        """The demo's environment: this command's own, and what the soak needs."""
        recycling = f"--max-requests {self.recycle_calls} --max-requests-jitter {self.recycle_calls // 4}"
        return {
            **os.environ,
            "CJ_WORKERS": str(self.workers),
            "CJ_LISTS": str(KEPT_LISTS),
            "GUNICORN_CMD_ARGS": f"{os.environ.get('GUNICORN_CMD_ARGS', '')} {recycling}".strip(),
        }


@dataclass
class Minutes:
    """Takes each call as Locust's request event tells it, and adds up minutes of intended instants."""

    began_at: float | None = None
    latency: dict[int, Histogram] = field(default_factory=dict)
    failed: Counter[int] = field(default_factory=Counter)  # by second, as the next
    degraded: Counter[int] = field(default_factory=Counter)

    def record(
        self, *, start_time: float, response_time: float, exception: Exception | None, context: Any, **_: Any
    ) -> None:
        """Count one call; `response_time` in ms, `start_time` when it was meant."""
        self.began_at = start_time if self.began_at is None else self.began_at
        second = int(start_time - self.began_at)
        self.latency.setdefault(second // SECONDS_PER_MIN, Histogram()).record(response_time / 1000)
        if exception is not None:
            self.failed[second] += 1
        if context["degraded"] is not None:
            self.degraded[second] += 1

    def lines(self) -> tuple[SoakMinute, ...]:
        """The minutes so far."""
        return tuple(self._line(minute, times) for minute, times in sorted(self.latency.items()))

    def bad_seconds(self) -> tuple[BadSecond, ...]:
        """The seconds that were not as all others."""
        return tuple(
            BadSecond(at_s=second, failed=self.failed[second], degraded=self.degraded[second])
            for second in sorted(self.failed.keys() | self.degraded.keys())
        )

    def _line(self, minute: int, times: Histogram) -> SoakMinute:
        at = times.percentiles_ms()
        return SoakMinute(
            minute=minute + 1,
            calls=times.count,
            failed=_within(minute, self.failed),
            degraded=_within(minute, self.degraded),
            p50_ms=at["p50"],
            p99_ms=at["p99"],
            p999_ms=at["p99.9"],
            worst_ms=at["p100"],
        )


def _within(minute: int, by_second: Counter[int]) -> int:
    return sum(count for second, count in by_second.items() if second // SECONDS_PER_MIN == minute)


class Refresh:
    """`connected-jobs refresh --at-once` as a program beside the calls, in their way as little as may be."""

    def __init__(self, demo: Demo, log: Path) -> None:
        command = pin([*CONNECTED_JOBS, "refresh", "--at-once", "--processes", "1"], GENERATOR_CORE)
        self._clock = time.monotonic
        self._began = self._clock()
        self._ended: float | None = None
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["nice", "-n", "19", *command],
                env=demo.command_environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def look(self) -> None:
        """Notice its end."""
        if self._ended is None and self._process.poll() is not None:
            self._ended = self._clock()

    def wait(self, *, began_s: float) -> Refreshed:
        """Wait for its end; `began_s` is when it began in the soak."""
        exit_code = self._process.wait(REFRESH_WITHIN_S)
        self.look()
        took_s = (self._ended or self._clock()) - self._began
        return Refreshed(began_s=began_s, ended_s=began_s + took_s, exit_code=exit_code)

    def stop(self) -> None:
        """End it where it has not ended."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(REFRESH_WITHIN_S)


@dataclass
class Beside:
    """What happens and is looked at beside the calls: memory, the metrics, the refresh."""

    memory: Memory
    metrics: Callable[[], dict[str, float]]
    begin_refresh: Callable[[], Refresh]
    refresh_at_s: float
    refresh: Refresh | None = None
    refresh_began_s: float = 0.0
    counts: dict[str, float] = field(default_factory=dict)
    _sample_at_s: float = 0.0
    _scrape_at_s: float = 0.0

    def look(self, at_s: float) -> None:
        """Do what is due at this second of the soak."""
        if at_s >= self._sample_at_s:
            self._sample_at_s = at_s + SAMPLE_EVERY_S
            self.memory.sample(at_s)
        if at_s >= self._scrape_at_s:
            self._scrape_at_s = at_s + SCRAPE_EVERY_S
            self.counts = self.metrics() or self.counts
        if self.refresh is None and at_s >= self.refresh_at_s:
            self.refresh_began_s = at_s
            self.refresh = self.begin_refresh()
        if self.refresh is not None:
            self.refresh.look()


def soak(options: SoakOptions, demo: Demo, demo_pid: int, terminal: Terminal) -> Soak:
    """Soak a running demo.

    Raises:
        LoadtestError: it is not ready, or has no lists.
    """
    sender_options = SenderOptions(
        host=demo.url, member_file=demo.export_members(), credential_file=demo.credential_file
    )
    metrics = _metrics_reader(sender_options, _metrics_authorization(demo))
    sender, minutes = sender_options.sender(), Minutes()
    _check(sender)
    sender.report = minutes.record
    memory = Memory(demo_pid, settle_s=SETTLE_SHARE * options.recycle_s)
    beside = Beside(
        memory=memory,
        metrics=metrics,
        begin_refresh=lambda: Refresh(demo, demo.folder / "refresh.log"),
        refresh_at_s=options.seconds / 2,
    )
    try:
        with load_generator(sender_options, sender, processes=1) as generator:
            line = read_pass_line()
            phases = PhaseRunner(
                generator=generator,
                sender=sender,
                send=new_send_name(),
                inside_s=line.latency_ms / 1000,
                progress=terminal.progress,
            )
            runner = StepRunner(phases, line, SearchBudget())
            step = runner.observe(options.rps, options.seconds, beside.look)
            beside.counts = metrics() or beside.counts
        refreshed = beside.refresh.wait(began_s=beside.refresh_began_s) if beside.refresh else None
    finally:
        if beside.refresh is not None:
            beside.refresh.stop()
    return _found(options, step, runner, beside, minutes, refreshed, replaced=sender.client.replaced)


def _check(sender: Sender) -> None:
    readiness.refuse_trouble(sender, within_s=READY_WITHIN_S)
    readiness.check_data(sender, send=new_send_name())
    readiness.warm(sender, send=new_send_name())


def _metrics_authorization(demo: Demo) -> str:
    """The header of a new credential that opens the metrics; the service knows it within ten seconds."""
    printed = demo.run("credential", "create", "soak", "--scope", "metrics")
    secret = next(line.split()[1] for line in printed.splitlines() if line.strip().startswith("secret:"))
    return f"Bearer {secret}"


def _metrics_reader(sender_options: SenderOptions, authorization: str) -> Callable[[], dict[str, float]]:
    """What reads the counts of lists by how they were had; empty where the metrics cannot be had now."""
    origin = sender_options.origin()
    client = HttpClient(origin, headers=target.headers(origin, authorization=authorization))

    def read() -> dict[str, float]:
        try:
            reply = client.get("/metrics", within_s=SCRAPE_WITHIN_S)
        except (CutOffError, NoReplyError):
            return {}
        return plan_counts(reply.body.decode()) if reply.status == HTTP_OK and not reply.gzipped else {}

    return read


def plan_counts(exposition: str) -> dict[str, float]:
    """Members' lists by how they were had (hit, miss, stale, none), from the metrics' text."""
    lines = (line for line in exposition.splitlines() if line.startswith('cj_lists_total{cache="'))
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


def _found(
    options: SoakOptions,
    step: StepRecord,
    runner: StepRunner,
    beside: Beside,
    minutes: Minutes,
    refreshed: Refreshed | None,
    *,
    replaced: int,
) -> Soak:
    generations = beside.memory.generations()
    had = {kind: beside.counts.get(kind, 0.0) for kind in ("hit", "miss", "stale")}
    found = Soak(
        sentence="",
        rps=options.rps,
        seconds=step.seconds,
        pinned=pinning(),
        workers=options.workers,
        recycled=max(len(generations) - options.workers, 0),
        recycle_calls=options.recycle_calls,
        replaced=replaced,
        broken=sum(step.failures.get(kind, 0) for kind in CONNECTION_BROKE),
        read_share=had["miss"] / sum(had.values()) if any(had.values()) else None,
        refresh=refreshed,
        step=step,
        minutes=minutes.lines(),
        bad_seconds=minutes.bad_seconds(),
        generations=generations,
        within=beside.memory.within(),
        whole=beside.memory.whole(),
        events=tuple(runner.log.events),
    )
    return msgspec.structs.replace(found, sentence=sentence(found))


@click.command()
@click.option("--rps", type=click.FloatRange(min=1), required=True, help="Calls/s: say 70 % of the ceiling.")
@click.option("--minutes", type=click.FloatRange(min=0.1), default=20.0, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The record (default: a new file in .data/loadtest)."
)
@click.option("--port", default=8098, show_default=True, help="Port of the demo.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@click.option("--recycle-s", default=60.0, show_default=True, help="How long a worker lives, about.")
@click.option("--members", default=40_000, show_default=True, help="Members of the generated board.")
@click.option("--postings", default=3_000, show_default=True)
def main(*, minutes: float, out: Path | None, port: int, **given: Any) -> None:
    """Soak a demo of its own; its settings are this command's own CJ_ variables where the soak has no need of others."""
    options = SoakOptions(seconds=minutes * SECONDS_PER_MIN, **given)
    pin_generator()
    demo = Demo(port, options.settings())
    try:
        with (
            running(demo, members=options.members, postings=options.postings) as process,
            Terminal() as terminal,
        ):
            found = soak(options, demo, process.pid, terminal)
    except LoadtestError as error:
        raise click.ClickException(str(error)) from None
    out = out or dated("soak")
    out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1))
    click.echo(f"{table(found)}\n\n{found.sentence}\nRecord: {out}")
    sys.exit(0 if not found.step.failures and (found.refresh is None or not found.refresh.exit_code) else 1)
