"""A Braze sender for Locust: `locust -f loadtest/locustfile.py --host http://127.0.0.1:8000 --member-file … -u 200`.

One Locust user stands for one call a second (`--calls-per-user`), so that -u, -r, the web page's fields and a ramp
mean what a Locust user expects, but the calls come from one open arrival process: they start on time however slow
the service is, and are shared exactly by all workers. Response times count from the intended instant.
"""

import logging
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import gevent
from locust import User, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

# `locust -f` puts the file's own folder on the path, not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loadtest.errors import LoadtestError
from loadtest.generator import readiness
from loadtest.generator.arrivals import RateCurve, front_loaded, trace
from loadtest.generator.arrivals import constant as constant_rate
from loadtest.generator.generators import DistributedGenerator, LocalGenerator, WorkerNode
from loadtest.generator.options import SenderOptions, new_send_name
from loadtest.generator.sender import LoadPhase
from loadtest.generator.target import ALLOWED_HOSTS_VARIABLE, Traffic
from loadtest.rehearsal.plans import read_trace

logger = logging.getLogger("loadtest")

FOLLOW_EVERY_S = 0.2
AHEAD_S = 0.5  # a change of rate or of workers takes effect so much later, when all have heard of it
LAST_CALLS_WITHIN_S = 3.0  # the cut-off, and a moment for the workers to tell
FRONT_LOADED_MINUTES = 24 * 60


class BrazeSender(User):
    """Stands for calls a second; the calls themselves come from the process's sender."""

    wait_time = constant(3600)

    @task
    def be_counted(self) -> None:
        """Do nothing: being there is what counts."""


def add_options(parser: LocustArgumentParser) -> None:
    """Add the sender's options; those of the load are also fields of the web page, where a run may change them.

    They stand in no argument group, because Locust's page leaves out the arguments of a group.
    """
    _add_command_line_options(partial(parser.add_argument, default="", include_in_web_ui=False))
    add = parser.add_argument
    add(
        "--arrivals",
        default="poisson",
        choices=["constant", "poisson", "front-loaded", "trace"],
        help="how calls are spaced",
    )
    add(
        "--calls-per-user",
        type=float,
        default=1.0,
        help="calls a second that one user stands for: 200 users are 200 calls/s",
    )
    add("--burst", type=float, default=2.0, help="front-loaded: peak second over mean of a minute")
    add("--passes", type=int, default=1, help="calls a message: 1 HTML, 2 and text, 3 and AMP")
    add("--unknown-share", type=float, default=0.0, help="share of messages to unknown members")
    add("--preview-share", type=float, default=0.0, help="share of messages that are previews")
    add("--arrival-seed", type=int, default=1, help="the same seed gives the same instants")


def _add_command_line_options(add: Callable[..., object]) -> None:
    """Add what only the command line may say: whom to load, as whom, and from which files."""
    add("--member-file", help="member ids, one a line (connected-jobs members export)")
    add("--credential-file", help="one line name:secret, as stored in Braze")
    add("--allow-host", help=f"other hosts than this machine, also {ALLOWED_HOSTS_VARIABLE}")
    add("--ca-file", help="PEM of an authority to trust besides, for own certificates")
    add("--trace-file", help="trace: a plan (.toml), or the calls of each second, one number a line")


def sender_options(options: Namespace, host: str | None) -> SenderOptions:
    """Locust's options as the sender's, checked."""
    return SenderOptions(
        host=host or options.host,
        member_file=Path(options.member_file),
        credential_file=Path(options.credential_file),
        allow_hosts=tuple(options.allow_host.split(",")),
        ca_file=Path(options.ca_file) if options.ca_file else None,
        seed=options.arrival_seed,
        traffic=Traffic(
            passes=options.passes, unknown_share=options.unknown_share, preview_share=options.preview_share
        ),
    )


def options_of(environment: Environment) -> Namespace:
    """Locust's options."""
    if environment.parsed_options is None:
        raise LoadtestError("This locustfile needs Locust's options: start it with the locust command.")
    return cast("Namespace", environment.parsed_options)


class Follower:
    """Keeps the arrival process at what Locust's users stand for, on the master or the only process."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._generator: LocalGenerator | DistributedGenerator | None = None
        self._distributed = (
            DistributedGenerator(environment.runner) if isinstance(environment.runner, MasterRunner) else None
        )
        self._load_phases = 0

    @property
    def options(self) -> Namespace:
        """Locust's options; the web page may have changed some since the start."""
        return options_of(self._environment)

    @property
    def _users(self) -> int:
        return self._environment.runner.user_count if self._environment.runner else 0

    def start(self) -> None:
        """Check everything, then follow."""
        try:
            checked = sender_options(self.options, self._environment.host)
            sender = checked.sender()  # the master has none of its own, but should refuse like one
            readiness.refuse_trouble(sender)
            options = self.options
            planned = trace(read_trace(Path(options.trace_file))) if options.arrivals == "trace" else None
        except LoadtestError as error:
            logger.error("%s", error)  # noqa: TRY400 - a sentence for the user, not a fault with a traceback
            self._environment.process_exit_code = 2
            gevent.spawn(self._refuse)
            return
        self._generator = self._distributed or LocalGenerator(sender)
        if self._distributed is None:
            sender.report = self._environment.events.request.fire
        self._greenlet = gevent.spawn(self._follow, self._generator, planned)

    def stop(self) -> None:
        """Stop the load and say what Locust's tables do not show."""
        if self._greenlet is None or self._generator is None:
            return
        self._greenlet.kill()
        self._greenlet = None
        self._generator.stop()
        until = time.monotonic() + LAST_CALLS_WITHIN_S
        while not self._generator.is_done and time.monotonic() < until:
            gevent.sleep(FOLLOW_EVERY_S)
        stats, health = self._generator.stats, self._generator.health
        logger.info(
            "Calls started %d, late starts %d; degraded answers %s; time in service %s ms.",
            *(stats.started, stats.late, dict(stats.degraded) or "none", stats.service.percentiles_ms()),
        )
        if health.complaint:
            logger.warning("The times are not the service's alone: %s.", health.complaint)

    def _refuse(self) -> None:
        runner = self._environment.runner
        if runner is not None and self._environment.web_ui is None:
            runner.quit()
        elif runner is not None:
            runner.stop()

    def _front_loaded(self) -> RateCurve | None:
        """Front-loaded minutes at the mean rate of all users that are to run; None for another arrival process."""
        runner = self._environment.runner
        if self.options.arrivals != "front-loaded" or runner is None:
            return None
        rps = runner.target_user_count * self.options.calls_per_user
        return front_loaded(rps, burst=self.options.burst, minutes=FRONT_LOADED_MINUTES)

    def _follow(self, generator: LocalGenerator | DistributedGenerator, planned: RateCurve | None) -> None:
        while not self._users:
            gevent.sleep(FOLLOW_EVERY_S)
        began = time.time()
        self._load_phases += 1
        rps = self._users * self.options.calls_per_user
        fixed = planned or self._front_loaded()
        curve = fixed or constant_rate(rps)
        generator.begin(
            LoadPhase(
                number=self._load_phases,
                spacing="poisson" if self.options.arrivals == "poisson" else "constant",
                seed=self.options.arrival_seed,
                curve=curve,
                starts_at=began + AHEAD_S,
                send=new_send_name(),
                ends=False,
            )
        )
        while True:
            gevent.sleep(FOLLOW_EVERY_S)
            if isinstance(generator, DistributedGenerator):
                generator.rebalance(in_s=AHEAD_S)
            now_rps = self._users * self.options.calls_per_user
            if fixed is None and now_rps != rps:
                rps = now_rps
                # Seconds of the load phase: its second 0 lay AHEAD_S after `began`, and so does the change after now.
                curve = curve.changed(from_s=time.time() - began, rps=rps)
                generator.amend(curve)


def connect(environment: Environment, **_: Any) -> None:
    """Give each kind of Locust process its part."""
    runner, happenings = environment.runner, cast("Any", environment.events)
    if isinstance(runner, WorkerRunner):

        def make_sender() -> Any:
            sender = sender_options(options_of(environment), environment.host).sender()
            sender.report = environment.events.request.fire
            return sender

        worker_node = WorkerNode(runner, make_sender=make_sender)
        happenings.test_start.add_listener(lambda **_: worker_node.forget())
        happenings.test_stop.add_listener(lambda **_: worker_node.stop())
        return
    follower = Follower(environment)
    happenings.test_start.add_listener(lambda **_: follower.start())
    happenings.test_stop.add_listener(lambda **_: follower.stop())


hooks = cast("Any", events)  # Locust types its events, but not how to listen to them
hooks.init_command_line_parser.add_listener(add_options)
hooks.init.add_listener(connect)

# Timers count from the loop's idea of now, which is as old as the imports took: -t would end a run early by that.
gevent.get_hub().loop.update_now()
