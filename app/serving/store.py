"""The port through which answering reads; `app.postgres` implements it, and unit tests have a fake."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - what is saved is read back by its annotations
from dataclasses import dataclass, field
from datetime import date, datetime, time  # noqa: TC003 - same
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.board.model import Member, Posting, Status
    from app.feedback.experiments.definition import Experiment
    from app.runtime.deadline import Deadline


SEPARATOR = "\x1f"  # between ids joined to one text; no id contains a control character


@dataclass(frozen=True, slots=True)
class Run:
    """A refresh run; activity after `cutoff_at` is not in its lists.

    `rows_left_out` counts the board's rows that it could not use.
    """

    id: int
    cutoff_at: datetime
    generated_at: datetime
    rows_left_out: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Publication:
    """From `effective_at` on new sends use `run`, until the next publication takes effect.

    With `moves_sends`, sends in progress on newer runs move to `run` too. Runs of a recipe have a log of their own, by
    which the arms of experiments are answered.
    """

    id: int
    run: Run
    effective_at: datetime
    moves_sends: bool = False
    recipe: str | None = None

    def moves(self, run: Run) -> bool:
        """Whether it moves sends away from a run."""
        return self.moves_sends and self.run.id < run.id


class MemberRow(NamedTuple):
    """A member's row as read; compact, because many are kept.

    Attributes:
        mailable: False for a member who withdrew or takes no mail; the other fields are then empty.
        posting_ids: Ids of their list, best first, joined by `SEPARATOR`; empty without a list in the run.
        reasons: A byte for each posting.
        applied: Ids of all postings they ever applied to, joined by `SEPARATOR`.
        anchors: Ids and names, in turn, of the postings that reasons may name, joined by `SEPARATOR`.
        anchored: A byte for each of the first places: the number of the anchor that its reason names, from 1; 0 for none.
        lately: What mails showed and what was clicked since their list was made, as far as it counts for the send: a row
            for each, as `app.feedback.lately_shown` reads them.
    """

    mailable: bool
    posting_ids: str = ""
    reasons: bytes = b""
    applied: str = ""
    anchors: str = ""
    anchored: bytes = b""
    lately: str = ""


class Standing(NamedTuple):
    """A posting's state as far as the veto needs it, and when it changed."""

    id: str
    status: Status
    deadline: date | None
    deadline_time: time | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Shelf:
    """A popular list for a category and a large region; "" stands for all of either."""

    category: str
    region: str
    posting_ids: Sequence[str]
    reasons: Sequence[int]


class Store(Protocol):
    """What answering reads. Every read may raise `UnavailableError`, and does so after its deadline.

    Any thread may read at any time. `behind` says whether reads come from a standby that lags more than is promised.
    """

    behind: bool

    def publications(self) -> Sequence[Publication]:
        """Publications of runs that still have their lists, newest first; those of recipes too."""

    def experiments(self) -> Sequence[Experiment]:
        """Experiments that were started and go on, or ended so lately that a send under way may still be split."""

    def shelves(self, run_id: int) -> Sequence[Shelf]:
        """A run's shelves, in any order; none of an unknown run."""

    def shelf_pool(self, run_id: int) -> Sequence[Posting]:
        """The pool over which a run ranks profiles, as it was when the run was made; empty where it was not stored."""

    def same_jobs(self, run_id: int) -> Sequence[Sequence[str]]:
        """Ids of the postings of each job with several postings, as a run found them."""

    def hidden_since(self, since: datetime) -> Sequence[str]:
        """Ids of postings that are hidden and changed at or after an instant."""

    def weights(self, run_id: int) -> Mapping[str, Any] | None:
        """The weights that a run was made with; None for an unknown run."""

    def newest_postings(self, count: int) -> Sequence[Posting]:
        """Open postings, newest first, for a board without a refresh run."""

    def member_row(
        self, member_id: str, run: Run | None, send: bytes, deadline: Deadline
    ) -> MemberRow | None:
        """A member's list in a run, for a send by its key, in one round trip; None for an unknown member."""

    def profile(self, member_id: str, deadline: Deadline) -> Member | None:
        """A mailable member's profile; None for anybody else, and where the row cannot be used."""

    def postings(self, ids: Sequence[str], deadline: Deadline | None = None) -> Sequence[Posting]:
        """Postings by id, in any order; unknown ids are left out."""

    def clock(self) -> datetime:
        """The time by the store's clock, with a time zone."""

    def standings(self, ids: Sequence[str]) -> Sequence[Standing]:
        """The standings of postings, in any order; unknown ids are left out."""

    def standings_changed_since(self, since: datetime, most: int) -> Sequence[Standing] | None:
        """Standings of postings whose `updated_at` is at or after an instant, in any order; None for more than `most`."""
