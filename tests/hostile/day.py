"""`python -m tests.hostile.day --minutes 120`: sends at half the ceiling while everything goes wrong, every answer checked.

A service with a Postgres, a Valkey and a shared memory of its own. Messages of two parts go to random members, some of
them again within 90 s, and one fault after another is thrown, in a random order that the seed repeats. What really became of
postings and members is kept by triggers in Postgres; in the end every answer is held against that.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING

import click

from tests.faults.rig import rig
from tests.faults.tally import CUT_OFF_S
from tests.faults.valkey_server import Valkey
from tests.hostile.havoc import Havoc
from tests.hostile.sends import Heard, Sends
from tests.hostile.truth import TRIGGERS, Truth, two_lists
from tests.hostile.world import a_day_later, command, generated, own_postgres, rows
from tests.web.gunicorn_server import gunicorn
from tests.web.test_nginx import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.own_postgres import OwnPostgres

MEMBERS, POSTINGS = 2_000, 800
# Whom a board mails: of one without consent nothing is read, so applications are not known either.
MAILED = "SELECT id FROM board.member WHERE mail_consent AND withdrawn_at IS NULL ORDER BY id"
CALLS_A_MESSAGE = 2.1
IN_HAND_S = 3.0  # after a worker was killed, calls that break are those it had in hand
PAUSE_S = (3.0, 10.0)
SHARED_MEMORY = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount --make-rprivate / && mount -t tmpfs -o size=16M s /dev/shm && mkdir /dev/shm/counts && exec "$@"',
    "sh",
)


@click.command()
@click.option("--minutes", default=120.0, show_default=True)
@click.option("--seed", default=7, show_default=True)
@click.option("--rps", type=float, help="Calls a second (default: half of what sixteen callers at once get).")
def main(minutes: float, seed: int, rps: float | None) -> None:
    """A hostile day; ends with 1 if an answer broke a promise. Takes root, for a shared memory of its own."""
    dice, health, valkey = random.Random(seed), free_port(), Valkey()
    valkey.start()
    with own_postgres() as (postgres, folder):
        boards, secret = _made(postgres, folder, dice)
        start = partial(gunicorn, within=SHARED_MEMORY)
        settings = {
            "PROMETHEUS_MULTIPROC_DIR": "/dev/shm/counts",  # noqa: S108 - the service's own
            "CJ_HEALTH_BIND": f"127.0.0.1:{health}",
            "CJ_LIMITS_URI": valkey.uri,
        }
        with rig(postgres, "day", folder / "service", start, **settings) as service:
            havoc = Havoc(service, valkey, boards=boards, health=health, secret=secret, dice=dice)
            members = [member for (member,) in rows(service.database_url, MAILED)]
            authorization = havoc.basic(secret)
            asking = partial(
                Sends, service.server.port, authorization=authorization, members=members, seed=seed
            )
            rps = rps or asking(messages_per_s=1.0).ceiling_rps() / 2
            sends = asking(messages_per_s=rps / CALLS_A_MESSAGE)
            click.echo(f"{rps:.0f} calls/s for {minutes:g} minutes.")
            sends.start()
            thrown = _thrown(havoc, sends, until_s=time.monotonic() + 60.0 * minutes, dice=dice)
            time.sleep(10.0)
            sends.stop()
            truth = Truth.read(service.database_url, havoc.outages)
    valkey.kill()
    sys.exit(_told(sends, truth, havoc, thrown))


def _made(postgres: OwnPostgres, folder: Path, dice: random.Random) -> tuple[tuple[Path, Path], str]:
    """A board with lists, and a day later as files; the caller's secret."""
    (folder / "service").mkdir()
    one = generated(folder / "one", members=MEMBERS, postings=POSTINGS)
    two = a_day_later(one, folder / "two", dice)
    rows(postgres.url, "ALTER SYSTEM SET track_commit_timestamp = on")
    postgres.stop()
    postgres.start()
    url = postgres.database_url(postgres.copy("day", "template1"))
    for words in (["migrate", "--board"], ["import", str(one)], ["refresh", "--at-once"]):
        command(url, *words, check=False)
    told = command(url, "credential", "create", "day").stdout
    rows(url, TRIGGERS)
    return (one, two), told.partition("secret:")[2].split()[0]


def _thrown(havoc: Havoc, sends: Sends, *, until_s: float, dice: random.Random) -> Counter[str]:
    """Throw faults until it is time; every fault once before any comes again."""
    thrown, waiting = Counter[str](), havoc.faults()
    dice.shuffle(waiting)
    while time.monotonic() < until_s:
        fault = waiting.pop()
        if not waiting:
            waiting = havoc.faults()
            dice.shuffle(waiting)
        began, calls = time.strftime("%H:%M:%S"), len(sends.heard)
        fault()
        thrown[fault.__name__] += 1
        time.sleep(dice.uniform(*PAUSE_S))
        heard = sends.heard[calls:]
        usable = sum(one.usable for one in heard)
        click.echo(f"{began} {fault.__name__}: {usable:,} of {len(heard):,} calls usable")
    return thrown


def _told(sends: Sends, truth: Truth, havoc: Havoc, thrown: Counter[str]) -> bool:
    """Print what became of the calls; returns whether a promise was broken.

    A call that would have been in time, had the caller itself not stood still meanwhile, is told apart.
    """
    heard, own = sends.heard, 0
    messages: dict[tuple[str, str], list[Heard]] = defaultdict(list)
    failed, in_hand, unknown, dead = Counter[str](), 0, 0, []
    for one in heard:
        messages[one.send, one.member].append(one)
        if not one.usable:
            killed = any(0.0 <= one.at + one.took_s - at <= IN_HAND_S for at in havoc.lost)
            if killed and one.failure == "reset":
                in_hand += 1
            elif (one.ids or one.failure == "cut off") and one.took_s - sends.own_s(one) <= CUT_OFF_S:
                own += 1
            else:
                failed[one.failure or ("late" if one.ids else f"status {one.status}")] += 1
        elif one.degraded and truth.only_applied_to(one):
            unknown += 1
        elif found := truth.dead(one):
            dead.append(f"{time.strftime('%H:%M:%S', time.localtime(one.at))} {one}: {'; '.join(found)}")
    double = [why for message in messages.values() if (why := two_lists(truth, message))]
    degraded = Counter(one.degraded for one in heard if one.usable)
    took = sorted(one.took_s for one in heard)
    click.echo(f"{sum(thrown.values())} faults of {len(thrown)} kinds: {dict(thrown)}")
    click.echo(
        f"{len(heard):,} calls of {len(messages):,} messages; not usable: {dict(failed) or 'none'}, and {in_hand} that"
        f" killed workers had in hand, {own} for which the caller itself stood still; degraded {dict(degraded)};"
        f" p50 {took[len(took) // 2] * 1000:.0f} p99 {took[int(len(took) * 0.99)] * 1000:.0f} worst {took[-1] * 1000:.0f} ms"
    )
    click.echo(
        f"{len(dead)} answers with what should not be there, {len(double)} messages with two lists; {unknown}"
        " made without Postgres with what a worker that knew nothing of the member could not know was applied to."
    )
    for line in [*dead[:20], *double[:20]]:
        click.echo(f"  {line}")
    return bool(failed or dead or double)


if __name__ == "__main__":
    main()
