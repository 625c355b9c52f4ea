"""`python -m loadtest.rehearsal.accuracy`: twenty sends, forecast and then rehearsed on the real service, side by side.

The scenarios are plan files in `scenario_plans/`, scaled to what the service can do and compressed so that each takes no
longer than `--target-s`. What the forecast is told of the service is measured first.

The service runs with one worker, since without a shared storage of the limiter each worker keeps its own share of
the lines, and calls are not shared out evenly.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import click
import gevent
import msgspec

from loadtest.ceiling.terminal import Terminal
from loadtest.demo_service import Demo, pin_generator, pinning, running
from loadtest.errors import LoadtestError
from loadtest.generator import readiness
from loadtest.generator.options import SenderOptions, new_send_name
from loadtest.generator.sender import Sender
from loadtest.outputs import dated
from loadtest.rehearsal.comparison import BETWEEN_S, HEAD, Row, compare, line, sentence
from loadtest.rehearsal.scenarios import Scenario, read_scenarios, scaled
from loadtest.rehearsal.service_costs import Costs, ceiling_moved, measure_costs, run_steadily, usable_rps

SCHEMA: Literal["connected-jobs/accuracy"] = "connected-jobs/accuracy"
VERSION: Literal[1] = 1
KEPT_LISTS = 1_000  # so few that every call reads Postgres
READY_WITHIN_S = 30.0
TRIES = 2
PROBE_S = 6.0
WARMING_RPS, WARMING_S = 100.0, 6.0  # until nearly every posting's card is in memory


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of every scenario, and the costs of the service that the forecasts took."""

    sentence: str
    costs: Costs
    pinned: str
    rows: tuple[Row, ...]
    schema: Literal["connected-jobs/accuracy"] = SCHEMA
    version: Literal[1] = VERSION


class _CostsOnRecord(msgspec.Struct):
    """The part of an earlier record that is read."""

    costs: Costs


@dataclass(frozen=True, kw_only=True)
class DemoSetup:
    """Where the demo is and how large its board; each pair of lines needs a start of its own."""

    port: int
    members: int
    postings: int

    @contextmanager
    def start(self, soft_rps: int, hard_rps: int) -> Iterator[tuple[Sender, int]]:
        """A sender to a demo with these lines, ready and warm, and the demo's process id.

        Raises:
            LoadtestError: it is not ready.
        """
        lines = {"CJ_SOFT_RPS": str(soft_rps), "CJ_HARD_RPS": str(hard_rps)}
        demo = Demo(self.port, {**os.environ, **lines, "CJ_WORKERS": "1", "CJ_LISTS": str(KEPT_LISTS)})
        with running(demo, members=self.members, postings=self.postings) as process:
            sender = SenderOptions(
                host=demo.url, member_file=demo.export_members(), credential_file=demo.credential_file
            ).sender()
            try:
                readiness.refuse_trouble(sender, within_s=READY_WITHIN_S)
                readiness.warm(sender, send=new_send_name())
                run_steadily(sender, WARMING_RPS, WARMING_S)
                yield sender, process.pid
            finally:
                sender.abandon()


def find_accuracy(
    scenarios: Sequence[Scenario], setup: DemoSetup, costs: Costs, *, target_s: float, terminal: Terminal
) -> Accuracy:
    """Compare all scenarios; those with the same lines on one start of the service."""
    made = sorted((scaled(scenario, costs) for scenario in scenarios), key=attrgetter("limiter"))
    rows: list[Row] = []
    for limiter, group in groupby(made, key=attrgetter("limiter")):
        with setup.start(*limiter) as (sender, _):
            for scenario in group:
                rows.append(compared(scenario, sender, costs, target_s=target_s, terminal=terminal))
                terminal.say(line(rows[-1]))
    rows.sort(key=attrgetter("name"))
    return Accuracy(
        sentence=sentence(rows),
        costs=costs,
        pinned=pinning(),
        rows=tuple(rows),
    )


def compared(
    scenario: Scenario,
    sender: Sender,
    costs: Costs,
    *,
    target_s: float,
    terminal: Terminal,
    tries: int = TRIES,
    probe_s: float = PROBE_S,
) -> Row:
    """Compare a scenario; one above the ceiling once more where the ceiling is another now, which the row then says."""
    moved: str | None = None
    for _ in range(tries):
        row = compare(scenario, sender, target_s=target_s, terminal=terminal)
        _, hard_rps = scenario.limiter
        if row.forecast.peak_rps <= costs.ceiling_rps or 0 < hard_rps <= costs.ceiling_rps:
            return row
        sender.report = _unreported
        gevent.sleep(BETWEEN_S)  # what an overload left waiting is no sign of another ceiling
        moved = ceiling_moved(lambda rps: usable_rps(run_steadily(sender, rps, probe_s)), costs.ceiling_rps)
        if moved is None:
            return row
        terminal.say(f"{scenario.name}: {moved}.")
    return msgspec.structs.replace(row, ceiling_moved=moved)


def _unreported(**_: Any) -> None:
    """Take a call of a probe, which is no part of a rehearsal."""


def read_costs(record: Path) -> Costs:
    """What an earlier record says of the service.

    Raises:
        LoadtestError: it is no such record.
    """
    try:
        return msgspec.json.decode(record.read_bytes(), type=_CostsOnRecord).costs
    except OSError as error:
        raise LoadtestError(f"The record {record} cannot be read ({error.strerror}).") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise LoadtestError(f"The record {record} says nothing of the service: {error}.") from None


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), help="The record (default: a new file in .data/loadtest)."
)
@click.option("--only", multiple=True, help="Scenarios whose names begin so.")
@click.option(
    "--costs",
    "record",
    type=click.Path(path_type=Path),
    help="Take what an earlier record says; measure nothing.",
)
@click.option(
    "--ceiling-rps", type=click.FloatRange(min=1), help="What the service can do; measured if not given."
)
@click.option("--target-s", default=40.0, show_default=True, help="How long a rehearsal may take.")
@click.option(
    "--measuring-s", default=6.0, show_default=True, help="Of each measurement before the scenarios."
)
@click.option("--port", default=8097, show_default=True)
@click.option("--members", default=40_000, show_default=True, help="Members of the demo's generated board.")
@click.option("--postings", default=3_000, show_default=True)
def main(
    *,
    out: Path | None,
    only: tuple[str, ...],
    record: Path | None,
    ceiling_rps: float | None,
    target_s: float,
    measuring_s: float,
    **given: int,
) -> None:
    """Rehearse the scenarios on a demo of its own, and say how good the forecasts are."""
    pin_generator()
    setup = DemoSetup(**given)
    try:
        scenarios = read_scenarios(only)
        with Terminal() as terminal:
            costs = (
                read_costs(record)
                if record is not None
                else measure_costs(
                    setup.start, ceiling_rps=ceiling_rps, seconds=measuring_s, say=terminal.say
                )
            )
            found = find_accuracy(scenarios, setup, costs, target_s=target_s, terminal=terminal)
    except LoadtestError as error:
        raise click.ClickException(str(error)) from None
    out = out or dated("accuracy")
    out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1))
    click.echo("\n".join([HEAD, *map(line, found.rows), "", found.sentence, f"Record: {out}"]))


if __name__ == "__main__":
    main()
