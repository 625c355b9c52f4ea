"""What a refresh says of how it went."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.postgres.lists.runs import Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How a refresh went.

    Attributes:
        run_id: The run that was made and published.
        members: How many members take mail.
        ranked: Members ranked; of the others the lists of the run before stand.
        postings: How many postings the board has.
        activity: How many rows of activity were read; 0 for a refresh of what changed, which does not count them.
        resumed_chunks: Chunks that an earlier refresh, which was killed, had written.
        extent: Lists made and places in them, copied ones included.
        effective_at: From when on sends begin with the run.
        not_dropped: Old runs whose lists a reader held on to, or Postgres could not drop.
        seconds: By stage.
        left_out: Sentences on the board's rows that could not be used.
        same_jobs: Postings that are a job which another posting stands for.
        misfits: Share of the first ten places of some members' lists that misfit plainly; None for a refresh of what
            changed.
    """

    run_id: int
    members: int
    ranked: int
    postings: int
    activity: int = 0
    resumed_chunks: int = 0
    extent: Extent
    effective_at: datetime
    not_dropped: Sequence[int]
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    same_jobs: int = 0
    misfits: float | None = None


@dataclass(slots=True)
class Stages:
    """How long each stage took, in seconds."""

    started_s: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    def end(self, stage: str) -> None:
        """Record that the stage under way ends now, and that the next begins."""
        now_s = time.monotonic()
        self.seconds[stage] = round(now_s - self.started_s, 3)
        self.started_s = now_s
