"""The instants of a second's calls, for an arrival process that replays a send."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.capacity.send import Offer, Part
from app.capacity.shares import Counts


@dataclass(frozen=True, slots=True)
class CallTimes:
    """Calls in order of time, one row each.

    `at_s` counts from the offer's second (a late part of a message may lie a little past 1.0), `campaign`
    is its number among the campaigns, `message` numbers the campaign's messages of this second from 0,
    `render_pass` the parts of a message from 0.
    """

    at_s: NDArray[np.float64]
    campaign: Counts
    message: Counts
    render_pass: Counts


def call_times(offer: Offer, rng: np.random.Generator, *, part_gap_ms: float) -> CallTimes:
    """Give each call of `offer` that reaches the service its instant.

    Messages start at random in the second; the parts of one message follow each other by `part_gap_ms`.
    """
    at_s, columns = [np.zeros(0)], [np.zeros((3, 0), dtype=np.int64)]
    for part in offer.parts:
        calls = _of_part(part)
        _, message, render_pass = calls
        starts = rng.random(part.batch.started[part.place])
        at_s.append(starts[message] + render_pass * part_gap_ms / 1_000)
        columns.append(calls)
    times, (campaign, message, render_pass) = np.concatenate(at_s), np.concatenate(columns, axis=1)
    order = np.argsort(times, kind="stable")
    return CallTimes(times[order], campaign[order], message[order], render_pass[order])


def _of_part(part: Part) -> Counts:
    """Stack campaign, message and pass of the calls that reach the service; a probed host sees the first."""
    passes = part.batch.passes[part.place]
    calls: Counts = np.stack(
        (
            np.full(part.calls, part.campaign),
            np.concatenate([np.arange(count) for count in passes]),
            np.repeat(np.arange(len(passes)), passes),
        )
    )
    return calls[:, : part.reaching]
