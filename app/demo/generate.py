"""A whole generated board, or members and activity around postings that are already there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import BOARD_KINDS, ActivityKind
from app.demo.activity import draw_activity
from app.demo.companies import make_companies
from app.demo.members import Traits, Volume, chunks, draw_traits, instant, member_ids, profile, volume
from app.demo.posting_columns import (
    HISTORY_DAYS,
    PostingColumns,
    guess_fields,
    guess_styles,
    make_posting_columns,
)
from app.demo.postings import make_postings
from app.demo.random_draws import RandomStream
from app.demo.words import words
from app.demo.write import (
    COMPANY_COLUMNS,
    MEMBER_COLUMNS,
    POSTING_COLUMNS,
    ActivityFile,
    company_row,
    member_row,
    new_files,
    posting_row,
    write_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from app.board.model import Posting
    from app.demo.companies import Company
    from app.demo.postings import GeneratedPosting

ALL = ("companies", "postings", "members", "activity")
AROUND_POSTINGS = ("members", "activity")
ACTIVITIES_A_MEMBER = 10
_POSTINGS_A_COMPANY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was written: rows of each noun, and activity rows of each kind."""

    rows: dict[str, int]
    kinds: dict[str, int] = field(default_factory=dict)


def _silent(_noun: str, _share: float) -> None:
    pass


def generate(
    out: Path,
    *,
    now: datetime,
    members: int = 20_000,
    postings: int = 3_000,
    activities: int | None = None,
    seed: int = 1,
    around: Sequence[Posting] | None = None,
    progress: Callable[[str, float], None] = _silent,
) -> Summary:
    """Write a generated board's CSV files into the folder `out`; the same seed, sizes and `now` give the same bytes.

    Args:
        out: A folder; it is made where there is none.
        now: The moment of the board, with a zone.
        members: How many members.
        postings: How many postings; not used where there are postings already.
        activities: About how many rows of activity (default: ten a member). Fewer come of it where few postings suit,
            and never fewer than the applications that the postings would have.
        seed: Every draw follows from it.
        around: A board's own postings: only members and activity are written then.
        progress: Called with a noun and the share of it that is done.

    Raises:
        FileExistsError: `out` already has a file of a noun that would be written.
        ValueError: an option makes no board, or no posting was open in the last 90 days.
    """
    _check(now, members, postings)
    with new_files(out, ALL if around is None else AROUND_POSTINGS) as paths:
        companies, columns = make_columns(postings, seed=seed, now=now, around=around)
        members_by_chunk = draw_members(
            columns, members=members, activities=activities, seed=seed, now=now, progress=progress
        )
        return _write(paths, companies, columns.postings, members_by_chunk, progress)


def _check(now: datetime, members: int, postings: int) -> None:
    if now.tzinfo is None:
        raise ValueError(f"The time {now} has no zone: give one, such as 2026-11-21T09:00:00+09:00.")
    for name, count in (("members", members), ("postings", postings)):
        if count < 1:
            raise ValueError(f"A board of {count} {name} cannot be generated: ask for at least 1.")


def make_columns(
    count: int, *, seed: int, now: datetime, around: Sequence[Posting] | None = None
) -> tuple[list[Company], PostingColumns]:
    """A board's companies and postings; `around` are the postings that are there already, with no companies.

    Raises:
        ValueError: no posting was open in the last 90 days.
    """
    companies, columns = (
        _generate_postings(count, seed, now) if around is None else ([], _use_postings(around, seed, now))
    )
    if not columns.alive:
        raise ValueError(
            f"No posting was open in the {HISTORY_DAYS} days before {now}: shift the postings' dates."
        )
    return companies, columns


def draw_members(
    columns: PostingColumns,
    *,
    members: int,
    seed: int,
    now: datetime,
    activities: int | None = None,
    progress: Callable[[str, float], None] = _silent,
) -> MemberChunks:
    """A board's members, who can be drawn again and again."""
    amount = volume(
        members=members, activities=activities or members * ACTIVITIES_A_MEMBER, alive=columns.alive
    )
    return MemberChunks(columns, amount, members, seed, now, progress)


def _generate_postings(count: int, seed: int, now: datetime) -> tuple[list[Company], PostingColumns]:
    companies = make_companies(max(1, count // _POSTINGS_A_COMPANY), words(), RandomStream(seed, "companies"))
    generated: list[GeneratedPosting] = make_postings(
        count, companies, words(), RandomStream(seed, "postings"), now=now
    )
    postings = [m.posting for m in generated]
    return companies, make_posting_columns(
        postings, [m.role for m in generated], [m.industry for m in generated], seed=seed, now=now
    )


def _use_postings(postings: Sequence[Posting], seed: int, now: datetime) -> PostingColumns:
    return make_posting_columns(postings, guess_fields(postings), guess_styles(postings), seed=seed, now=now)


@dataclass(frozen=True, slots=True)
class MemberChunks:
    """Draws members chunk by chunk; a chunk's traits are the same each time they are drawn."""

    columns: PostingColumns
    amount: Volume
    members: int
    seed: int
    now: datetime
    progress: Callable[[str, float], None]

    def draw(self, noun: str) -> Iterator[tuple[int, list[str], Traits]]:
        """Each chunk's number, ids and traits; `noun` is what progress is told to be of."""
        for chunk, first, end in chunks(self.members):
            traits = draw_traits(
                end - first, self.columns, self.amount, seed=self.seed, chunk=chunk, now=self.now
            )
            yield chunk, member_ids(first, end, members=self.members), traits
            self.progress(noun, (end - 1) / self.members)

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Rows of the members' file."""
        for chunk, ids, traits in self.draw("members"):
            rng = RandomStream(self.seed, f"profiles {chunk}")
            for position, member_id in enumerate(ids):
                yield member_row(
                    profile(position, member_id, traits, self.columns, rng),
                    consent=bool(traits.consenting[position]),
                    withdrawn_at=instant(traits.left[position]) if traits.withdrawn[position] else None,
                    updated_at=instant(traits.updated[position]),
                )


def _write(
    paths: dict[str, Path],
    companies: Sequence[Company],
    postings: Sequence[Posting],
    members_by_chunk: MemberChunks,
    progress: Callable[[str, float], None],
) -> Summary:
    rows: dict[str, int] = {}
    kinds: dict[str, int] = {}
    if path := paths.get("companies"):
        rows["companies"] = write_rows(path, COMPANY_COLUMNS, map(company_row, companies))
        progress("companies", 1.0)
    if path := paths.get("postings"):
        rows["postings"] = write_rows(path, POSTING_COLUMNS, map(posting_row, postings))
        progress("postings", 1.0)
    if path := paths.get("members"):
        rows["members"] = write_rows(path, MEMBER_COLUMNS, members_by_chunk.rows())
    if path := paths.get("activity"):
        kinds = _write_activity(path, members_by_chunk)
        rows["activity"] = sum(kinds.values())
    return Summary(rows=rows, kinds=kinds)


def _write_activity(path: Path, members_by_chunk: MemberChunks) -> dict[str, int]:
    counted: Counter[int] = Counter()
    with path.open("wb") as out:
        file = ActivityFile(out, [posting.id for posting in members_by_chunk.columns.postings])
        for chunk, ids, traits in members_by_chunk.draw("activity"):
            rows = draw_activity(traits, members_by_chunk.columns, seed=members_by_chunk.seed, chunk=chunk)
            file.write(rows, ids)
            counted.update(dict(enumerate(np.bincount(rows.kind, minlength=max(ActivityKind) + 1).tolist())))
    return {kind.name.lower(): counted[kind] for kind in BOARD_KINDS}
