"""Which arm a member is in: by a hash of the experiment's salt and the member's id, the same everywhere and always."""

from __future__ import annotations

from bisect import bisect_right
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING

from app.feedback.experiments.definition import BUCKETS

if TYPE_CHECKING:
    from app.feedback.experiments.definition import Arm, Experiment


class Assignment:
    """The split of one experiment, ready to be asked at every call."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._salt = experiment.salt.encode()
        ends = [round(end * BUCKETS) for end in accumulate(arm.share for arm in experiment.arms)]
        self._ends = ends[:-1]  # whatever rounding leaves is the last arm's

    def arm_of(self, member_id: str) -> Arm:
        """The arm of a member."""
        digest = blake2b(member_id.encode(), digest_size=8, key=self._salt).digest()
        return self.experiment.arms[bisect_right(self._ends, int.from_bytes(digest) % BUCKETS)]
