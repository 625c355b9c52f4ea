"""Weekly digests in the double's world, with lists that learn from mails against lists that do not: `make loop`.

The service and the commands are the real ones, in this process; Postgres is a real one. Its clock cannot be set, so what the
database knows grows older by a week between two sends. The board's own activity goes on as it was generated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import click

from app.board.veto import BOARD_ZONE
from app.braze.calls import StoredCredential
from app.capacity.formats import LANGUAGES
from app.credentials import Scope
from app.demo.braze.currents_files import CurrentsExport, put_in_folder
from app.demo.braze.people import People
from app.demo.braze.sender import MailSender
from app.demo.braze.truth import Truth
from app.demo.braze.world import World
from app.demo.tastes import Tastes
from app.feedback.experiments.definition import read_arms
from app.feedback.results.as_json import experiment_json
from app.feedback.results.experiment import conclude
from app.feedback.results.sentences import sentences
from app.intake.read import read_currents
from app.lake.objects import open_lake
from app.postgres import migrate
from app.postgres.credentials import insert_credential
from app.postgres.embedded import embedded_postgres, make_database
from app.postgres.engines import batch_engine
from app.postgres.feedback.recompute import recompute_outcomes
from app.postgres.planning.backdating import date_experiment
from app.postgres.planning.experiments import PostgresExperiments
from app.postgres.planning.results import PostgresResults
from app.recommend.options import Options
from app.refresh.recipes import Recipe
from app.refresh.whole import refresh
from tests.loop.calls import calls_to
from tests.loop.time_passes import let_a_week_pass
from tests.loop.timeline import Timeline, weeks_before
from tests.web.service import Service, serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sqlalchemy import Engine

    from app.demo.braze.currents_files import CurrentsEvent
    from app.demo.braze.world import BoardAction

CAMPAIGN: Final = "weekly-digest"
EXPERIMENT: Final = "lists-that-learn"
UNLEARNED: Final = "unlearned"  # the recipe of lists that do not learn from mails
ARMS: Final = ("off=unlearned", "on=recommended")
OPENS: Final = "what-opens-the-loop"
SEED: Final = 7


@dataclass(slots=True)
class Collected:
    """What Currents is to write, kept until its week has come."""

    waiting: list[CurrentsEvent] = field(default_factory=list)

    def write(self, events: Iterable[CurrentsEvent], *, until_s: int | None = None) -> int:  # noqa: ARG002 - of the port
        """Keep events; nothing is written yet."""
        before = len(self.waiting)
        self.waiting += events
        return len(self.waiting) - before

    def happened(self, until: datetime, later: timedelta) -> list[CurrentsEvent]:
        """Take the events until a time, dated so much later."""
        until_s, seconds = int(until.timestamp()), int(later.total_seconds())
        ready = [event for event in self.waiting if event[1]["time"] <= until_s]
        self.waiting = [event for event in self.waiting if event[1]["time"] > until_s]
        return [(kind, _dated_later(fields, seconds)) for kind, fields in ready]


def _dated_later(fields: Any, seconds: int) -> dict[str, Any]:
    times = {name: fields[name] + seconds for name in ("time", "send_time") if name in fields}
    return {**fields, **times}


@dataclass(slots=True, kw_only=True)
class Weeks:
    """The world, week by week; `report` has a row for each arm and week."""

    url: str
    engine: Engine
    service: Service
    timeline: Timeline
    world: World
    collected: Collected
    actions: list[BoardAction]
    members: Sequence[str]
    place: Path
    weeks: int
    truth: Truth = field(default_factory=Truth)
    report: list[dict[str, Any]] = field(default_factory=list)

    def last_day(self) -> date:
        """The last whole day of the board's that lies before the end of the weeks."""
        return (datetime.now(BOARD_ZONE) + timedelta(weeks=self.weeks, days=-1)).date()

    def live(self) -> None:
        """A send a week, each with lists made after what became of the last was read."""
        for week in range(self.weeks):
            at = weeks_before(self.timeline.end, self.weeks - week)
            self._begin_week(at, first=not week)
            self.service.now = datetime.now(UTC)
            before = {
                name: (arm.shown, arm.repeated, arm.applications.total())
                for name, arm in self.truth.arms.items()
            }
            self.world.send_into(self.truth, self.members, campaign=CAMPAIGN, at=at)
            for name, arm in sorted(self.truth.arms.items()):
                shown, repeated, applied = before.get(name, (0, 0, 0))
                row = {
                    "week": week + 1,
                    "arm": name,
                    "repeated": (arm.repeated - repeated) / max(1, arm.shown - shown),
                    "applications": arm.applications.total() - applied,
                }
                self.report.append(row)
                click.echo(
                    f"week {row['week']} {name:>4}: repeats {row['repeated']:.1%}, applications {row['applications']:,}"
                )
        self._catch_up(self.timeline.end)

    def _begin_week(self, at: datetime, *, first: bool) -> None:
        if first:
            self.timeline.put_on_board(self.engine, self.url, at, ())
        else:
            self._catch_up(at)
        for recipe in (Recipe(), Recipe(UNLEARNED, Options(learn_from_mails=False))):
            refresh(self.engine, recipe=recipe)
        if first:
            experiments = PostgresExperiments(self.engine)
            experiments.create(EXPERIMENT, CAMPAIGN, read_arms(ARMS), until=self.last_day(), by="loop")
            one = experiments.start(EXPERIMENT, by="loop")
            assert one.started_at is not None
            assert one.planned_end is not None
            self.service.now = one.started_at
            # The mails of this week are dated a little before now: else the first of them would not count.
            date_experiment(self.engine, EXPERIMENT, started_at=self.timeline.end, end=one.planned_end)
        self.service.now = max(self.service.now, datetime.now(UTC)) + timedelta(minutes=1)
        self.service.run_tasks()

    def _catch_up(self, at: datetime) -> None:
        """A week passes; what became of the mail is read and counted, and the board goes on."""
        let_a_week_pass(self.url)
        self.timeline.put_on_board(self.engine, self.url, at, self.actions)
        folder = self.place / f"{at:%Y-%m-%d}"
        folder.mkdir()
        events = self.collected.happened(at, self.timeline.end - at)
        CurrentsExport(put_in_folder(folder)).write(events, until_s=int(self.timeline.end.timestamp()))
        now = datetime.now(UTC)
        report = read_currents(self.url, open_lake(str(folder)), now=now, reject=print)
        assert not report.rejects, report
        recompute_outcomes(self.engine, now=now, days=9)


@click.command()
@click.option("--members", default=6_000, show_default=True)
@click.option("--postings", default=3_000, show_default=True)
@click.option("--weeks", default=8, show_default=True)
def main(members: int, postings: int, weeks: int) -> None:
    """Play the weeks, and print what the product's own results say of the experiment."""
    end = datetime.now(UTC).replace(microsecond=0)
    with (
        TemporaryDirectory(prefix="connected-jobs-loop-") as name,
        embedded_postgres(Path(name) / "postgres") as server,
    ):
        place = Path(name)
        place.chmod(0o711)
        make_database(server, "loop")
        url = server.database_url("loop")
        engine = batch_engine(url)
        for branch in ("board", "service"):
            migrate.upgrade(engine, branch)
        with engine.begin() as connection:
            insert_credential(connection, "braze", Scope.CONTENT, secret=OPENS)
        timeline = Timeline(place / "board", end=end, members=members, postings=postings, seed=SEED)
        tastes = Tastes.of(members=members, postings=postings, seed=SEED, now=end)
        with serving(url) as service:
            lived = _weeks(url, engine, service, timeline, tastes, place, weeks)
            lived.live()
        _print_result(lived)


def _weeks(
    url: str, engine: Engine, service: Service, timeline: Timeline, tastes: Tastes, place: Path, weeks: int
) -> Weeks:
    collected, actions = Collected(), list[Any]()
    world = World(
        sender=MailSender(
            base_url="http://service",
            credential=StoredCredential("braze", OPENS),
            fetch=calls_to(service.app),
            seed=SEED,
        ),
        people=People(tastes, until_s=int(timeline.end.timestamp()), seed=SEED),
        export=collected,
        act=actions.extend,
        seed=SEED,
    )
    return Weeks(
        url=url,
        engine=engine,
        service=service,
        timeline=timeline,
        world=world,
        collected=collected,
        actions=actions,
        members=tastes.subscribers(),
        place=place,
        weeks=weeks,
    )


def _print_result(lived: Weeks) -> None:
    """What the product says of the experiment, its repeats aside, which only the double knows."""
    counted = PostgresResults(lived.engine).experiment(EXPERIMENT)
    assert counted is not None
    found = conclude(counted.counts)
    click.echo(json.dumps(experiment_json(found, counted.computed_at), ensure_ascii=False, indent=2))
    for lang in LANGUAGES:
        click.echo("\n".join(sentences(found, lang)))
    for name, arm in sorted(lived.truth.arms.items()):
        click.echo(
            f"in the double's world, {name}: {len(arm.mailed):,} members, {len(arm.clicked):,} clicked, {len(arm.applied):,} applied, "
            f"{arm.applications.total():,} applications, {arm.repeated_share:.1%} of what was shown had been let be"
        )


if __name__ == "__main__":
    main()
