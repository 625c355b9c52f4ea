"""What answering needs to read, and from whom: implemented by `app.postgres`, faked in unit tests."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - what is saved is read back by its annotations
from dataclasses import dataclass, field
from datetime import date, datetime, time  # noqa: TC003 - same
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.board.model import Member, Posting, Status
    from app.runtime.deadline import Deadline


SEPARATOR = "\x1f"  # between ids joined to one text; no id contains a control character


@dataclass(frozen=True, slots=True)
class Run:
    """A refresh run as far as answering cares: activity after `cutoff_at` is not in its lists.

    `rows_left_out` are the board's rows that it could not use.
    """

    id: int
    cutoff_at: datetime
    generated_at: datetime
    rows_left_out: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Publication:
    """From `effective_at` on, sends begin with `run`, unless a later publication says otherwise.

    One that `moves_sends` takes those under way with it too, from the newer runs that it leaves.
    """

    id: int
    run: Run
    effective_at: datetime
    moves_sends: bool = False

    def moves(self, run: Run) -> bool:
        """Whether it takes sends away from a run."""
        return self.moves_sends and self.run.id < run.id


class MemberRow(NamedTuple):
    """What one read says of a member, as compact as it came: it may be kept for many members.

    `mailable` is false for a member who withdrew or takes no mail; nothing else of theirs is read then.
    `posting_ids` are joined by `SEPARATOR`, best first, with one byte of `reasons` for each; both are empty
    where the run has no list of theirs. `applied` is every posting they ever applied to, joined in the same way.
    `anchors` are ids and names in turn of the postings that reasons may name, joined likewise, and `anchored` has a byte
    for each of the first places: which of them its reason names, from 1; 0 for none.
    """

    mailable: bool
    posting_ids: str = ""
    reasons: bytes = b""
    applied: str = ""
    anchors: str = ""
    anchored: bytes = b""


class Standing(NamedTuple):
    """Where a posting stands: what takes it out of answers, and when it changed."""

    id: str
    status: Status
    deadline: date | None
    deadline_time: time | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Shelf:
    """A popular list for a category and a large region; an empty text stands for all of them."""

    category: str
    region: str
    posting_ids: Sequence[str]
    reasons: Sequence[int]


class Store(Protocol):
    """What answering reads. Every read may raise `UnavailableError`, and does when its deadline has passed.

    Any thread may read at any time. `behind` says whether what is read is a copy that lags further behind than is promised.
    """

    behind: bool

    def publications(self) -> Sequence[Publication]:
        """Publications of runs that still have their lists, newest first."""

    def shelves(self, run_id: int) -> Sequence[Shelf]:
        """A run's shelves, in any order; none of an unknown run."""

    def shelf_pool(self, run_id: int) -> Sequence[Posting]:
        """The postings that a run's profiles are ranked over, as they were when it was made; none where that is not known."""

    def same_jobs(self, run_id: int) -> Sequence[Sequence[str]]:
        """Ids of the postings of each job that has several, as a run found them."""

    def hidden_since(self, since: datetime) -> Sequence[str]:
        """Ids of postings that are hidden and changed at or after an instant."""

    def weights(self, run_id: int) -> Mapping[str, Any] | None:
        """The weights a run was made with, None for an unknown run."""

    def newest_postings(self, count: int) -> Sequence[Posting]:
        """Open postings, newest first: what a board without a refresh run can show."""

    def member_row(self, member_id: str, run: Run | None, deadline: Deadline) -> MemberRow | None:
        """A member's list in a run, in one round trip; None for an unknown member."""

    def profile(self, member_id: str, deadline: Deadline) -> Member | None:
        """A mailable member's profile; None for anybody else, and where the row cannot be used."""

    def postings(self, ids: Sequence[str], deadline: Deadline | None = None) -> Sequence[Posting]:
        """Postings by id, in any order; unknown ids are left out."""

    def clock(self) -> datetime:
        """The store's clock, aware."""

    def standings(self, ids: Sequence[str]) -> Sequence[Standing]:
        """Where postings stand, in any order; unknown ids are left out."""

    def standings_changed_since(self, since: datetime, most: int) -> Sequence[Standing] | None:
        """Postings whose `updated_at` is at or after an instant, in any order; None where they are more than `most`."""
