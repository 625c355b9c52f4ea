"""One campaign under way: what it starts each minute, and what becomes of its messages."""

from dataclasses import replace
from math import ceil
from operator import itemgetter

import numpy as np

from app.capacity.apportion import Counts
from app.capacity.campaign import Arrivals, Campaign, Case, Workspace
from app.capacity.local_time import MINUTE_S, held_until
from app.capacity.simulation.queue import CampaignQueue, Cohort
from app.capacity.simulation.sampling import Failures, allocate_at_random, draw_failures
from app.capacity.simulation.schedule import HOUR_MIN, schedule_of
from app.capacity.simulation.within_minute import Batch, call_passes, lay_out, minute_curve, pass_shares


class CampaignRun:
    """A campaign's queue, its place inside the minutes, and its rules for failed messages."""

    def __init__(
        self, campaign: Campaign, workspace: Workspace, case: Case, rng: np.random.Generator
    ) -> None:
        assumed = workspace.assumptions
        self.campaign = campaign
        self.recipients = int(campaign.audience.at(case))
        self.cap = campaign.limit_per_min or assumed.at_once_max_per_min
        self._assumed = assumed
        self._rng = rng
        self._curve = minute_curve(campaign.burst.at(case), assumed.minute_shape)
        self._pass_shares = pass_shares(campaign.calls_per_recipient.at(case), assumed.cache_hit_share)
        self._callers_before = 0
        schedule = schedule_of(campaign, workspace, case, rng)
        self.skipped = schedule.skipped
        due = sorted(
            ((minute, zone, count) for (minute, zone), count in schedule.messages.items() if count),
            key=itemgetter(0),
        )
        self.queue = CampaignQueue(due, arriving=isinstance(campaign.timing, Arrivals))

    def open_minute(self, minute: int) -> int:
        """Queue what joins, hold what quiet hours hold; return the messages given up for their age."""
        self.queue.admit(minute)
        quiet = self.campaign.quiet_hours
        if quiet is not None:
            self.queue.hold(minute, lambda zone: held_until(quiet, zone, minute))
        return self.queue.expire(minute - self._assumed.delay_abort_h * HOUR_MIN)

    def start(self, minute: int, count: int, pace_per_min: int) -> Batch:
        """Take `count` messages from the queue and give each its second of `minute`, started at such a pace."""
        taken = self.queue.take(count)
        started = lay_out(taken, minute, self._curve, pace_per_min)
        callers = self._uncached(minute, tuple(taken), started)
        passes = call_passes(callers.sum(axis=0), self._callers_before, self._pass_shares)
        self._callers_before += int(callers.sum())
        return Batch(
            minute=minute,
            taken=taken,
            started=started.sum(axis=0).tolist(),
            callers=callers.T.tolist(),
            passes=passes.T.tolist(),
            calls=passes.sum(axis=0).tolist(),
        )

    def _uncached(self, minute: int, cohorts: tuple[Cohort, ...], started: Counts) -> Counts:
        """Leave out retried messages whose URL Braze's cache still answers."""
        callers = started.copy()
        warm = [place for place, cohort in enumerate(cohorts) if minute < cohort.warm_until_minute]
        if warm:
            callers[warm] -= self._rng.binomial(started[warm], self._assumed.cache_hit_share)
        return callers

    def draw_failures(self, batch: Batch, place: int, failed_calls: int, degraded_calls: int) -> Failures:
        """Draw which messages of second `place` the failed and degraded calls belong to."""
        return draw_failures(self._rng, batch.passes[place], failed_calls, degraded_calls)

    def retry(self, batch: Batch, place: int, failures: Failures, *, now_minute: int) -> int:
        """Send failed messages to the back of the queue; return those given up, their retries used.

        Rendering again asks for every part anew, save what the URL cache kept from parts that succeeded.
        """
        failed = allocate_at_random(self._rng, batch.callers[place], failures.failed)
        warm = allocate_at_random(self._rng, failed, failures.warm)
        given_up = 0
        for cohort, count, kept in zip(batch.taken, failed, warm, strict=True):
            if cohort.attempt >= self._assumed.max_retries:
                given_up += count
            elif count:
                self._requeue(cohort, count, kept, batch.minute * MINUTE_S + place, now_minute)
        return given_up

    def _requeue(self, cohort: Cohort, count: int, kept: int, second: int, now_minute: int) -> None:
        ready = ceil((second + self._assumed.backoff_s(cohort.attempt)) / MINUTE_S)
        again = replace(
            cohort,
            joined_minute=max(ready, now_minute + 1),
            attempt=cohort.attempt + 1,
            warm_until_minute=0,
            arriving=False,
        )
        if not self._assumed.cache_hit_share:
            kept = 0  # nothing is ever found there, so such messages need no cohort of their own
        self.queue.add(again, count - kept)
        forgotten = (second + self._assumed.cache_age_s) // MINUTE_S
        self.queue.add(replace(again, warm_until_minute=forgotten), kept)
