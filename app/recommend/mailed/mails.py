"""Mails that some members got, place by place, and what of them they clicked: what the discount is learned from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from app.recommend.scoring.discount import ignored_signs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from app.recommend.scoring.discount import Ignored


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: whose, when it was sent (seconds since 1970), the jobs shown, best first, and those of them a person clicked.

    Jobs are positions in the catalogue; -1 stands for one that is not in it.
    """

    member: int
    sent_s: int
    jobs: Sequence[int]
    clicked: Collection[int]


@dataclass(frozen=True, slots=True)
class ClickedMail:
    """The n places of a mail that was clicked, one of them chosen, and what the member had ignored of them before.

    Attributes:
        member: The member.
        sent_s: When it was sent.
        job: (n,) int64, the jobs.
        position: (n,) int64, from 1.
        chosen: Which place was clicked.
        ignored: (n,) float32 by sign, from earlier mails alone.
    """

    member: int
    sent_s: int
    job: NDArray[np.int64]
    position: NDArray[np.int64]
    chosen: int
    ignored: dict[Ignored, NDArray[np.float32]]


def last_clicked_mails(mails: Sequence[Mail], open_: NDArray[np.bool_]) -> list[ClickedMail]:
    """For each member the last mail that teaches: a place was clicked, others were not, and there were mails before it.

    A model cannot score what is closed, so closed jobs are no alternatives: a choice among the rest is as good (the choices
    of a logit do not depend on what else there was).

    Args:
        mails: Sorted by member and time.
        open_: (n_postings,) bool, jobs that a model can score.
    """
    ends = [0, *(at for at in range(1, len(mails)) if mails[at].member != mails[at - 1].member), len(mails)]
    found = [_last_clicked(mails[start:end], open_) for start, end in pairwise(ends) if end > start + 1]
    return [each for each in found if each is not None]


def _last_clicked(own: Sequence[Mail], open_: NDArray[np.bool_]) -> ClickedMail | None:
    for at in range(len(own) - 1, 0, -1):
        mail = own[at]
        usable = [place for place, job in enumerate(mail.jobs) if job >= 0 and open_[job]]
        chosen = next((place for place in usable if mail.jobs[place] in mail.clicked), None)
        kept = [place for place in usable if place == chosen or mail.jobs[place] not in mail.clicked]
        if chosen is not None and len(kept) > 1:
            jobs = np.array([mail.jobs[place] for place in kept], np.int64)
            return ClickedMail(
                mail.member,
                mail.sent_s,
                jobs,
                np.array(kept, np.int64) + 1,
                kept.index(chosen),
                _ignored_before(own[:at], jobs.tolist(), mail.sent_s),
            )
    return None


def _ignored_before(
    mails: Sequence[Mail], jobs: Sequence[int], now_s: int
) -> dict[Ignored, NDArray[np.float32]]:
    """The signs of some jobs after these mails, (n_jobs,) float32 each."""
    times, highest, last = ([0] * len(jobs) for _ in range(3))
    for mail in mails:
        position = {job: place for place, job in enumerate(mail.jobs, 1)}
        for at, job in enumerate(jobs):
            if job in mail.clicked:
                times[at] = 0
            elif job in position:
                highest[at] = min(highest[at], position[job]) if times[at] else position[job]
                times[at] += 1
                last[at] = mail.sent_s
    return ignored_signs(np.array(times), np.array(highest), now_s - np.array(last))
