"""A small world of weekly mails, pure and seeded, to see what learning from them is worth.

It is unlike the recommender: tastes are hidden vectors that no posting states in full; how likely a click is falls with the
position and with each time the posting was shown before, and rises with true fit; who clicked applies by true fit alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityKind, ActivityLog, Member, Posting
from app.recommend.mailed.clicks import MailedMembers, click_log
from app.recommend.mailed.learning import learn_from_mails
from app.recommend.mailed.mails import Mail
from app.recommend.options import Options
from app.recommend.recommender import fit
from app.recommend.scoring.discount import Shown
from app.recommend.scoring.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

START = datetime(2026, 9, 1, tzinfo=UTC)
WEEK_S = 7 * 86_400
TOP = 10
_TASTES, _TRADES = 5, 4


@dataclass
class World:
    """Members, postings and what happens between them.

    `fatigue` is what each earlier time a posting was shown multiplies the odds of a click by.
    """

    members: int
    postings: int
    seed: int
    fatigue: float = 0.45
    logs_views: bool = False  # whether the board logs the view that a click causes
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)  # member, posting, kind, at
    clicks: list[tuple[int, int, int]] = field(default_factory=list)  # member, posting, at
    mails: list[Mail] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random = np.random.default_rng(self.seed)
        trade = random.integers(_TRADES, size=self.postings)
        centres = random.normal(size=(_TRADES, _TASTES)) * 1.2
        likes = random.integers(_TRADES, size=self.members)
        taste = centres[likes] + random.normal(size=(self.members, _TASTES))
        job = centres[trade] + random.normal(size=(self.postings, _TASTES))
        fit_ = taste @ job.T / _TASTES**0.5
        self.fit = (fit_ - fit_.mean(axis=1, keepdims=True)) / fit_.std(axis=1, keepdims=True)
        self.board = [
            Posting(
                id=f"p{number:04}",
                title=f"공고 {number}",
                company_id=f"c{number}",
                company=f"회사 {number}",
                categories=(str(trade[number]),),
                opened_at=START - timedelta(days=5),
                url="https://board.example/",
                updated_at=START,
            )
            for number in range(self.postings)
        ]
        self.people = [
            Member(id=f"m{number:04}", categories=(str(likes[number]),)) for number in range(self.members)
        ]
        for member in range(self.members):
            likely = np.exp(1.5 * self.fit[member])
            for step, posting in enumerate(
                random.choice(self.postings, 4, replace=False, p=likely / likely.sum()).tolist()
            ):
                self.rows.append((member, posting, ActivityKind.APPLY, self.at(-1) + step))

    @staticmethod
    def at(week: int) -> int:
        """The second at which a week's mails go out."""
        return int(START.timestamp()) + week * WEEK_S

    def activity(self) -> ActivityLog:
        """What the board logged."""
        table = np.array(sorted(self.rows, key=lambda row: (row[0], row[3], row[1], row[2])))
        return ActivityLog(
            table[:, 0].astype(np.int32),
            table[:, 1].astype(np.int32),
            table[:, 2].astype(np.int8),
            table[:, 3],
        )

    def profiles(self, positions: Sequence[int]) -> list[Member]:
        """Profiles by position."""
        return [self.people[position] for position in positions]

    def refresh(self, week: int, *, learn: bool, weights: Weights | None) -> tuple[list[list[int]], Weights]:
        """Lists for a week, and the weights they were made with."""
        activity = self.activity()
        model = fit(
            self.board,
            [member.id for member in self.people],
            activity,
            self.profiles,
            now=datetime.fromtimestamp(self.at(week), UTC),
            options=Options(congestion_share=1.0),
            known=weights or Weights(),
        )
        table = np.array(self.clicks if learn else [], np.int64).reshape(-1, 3)
        clicks = click_log(table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2])
        mailed = MailedMembers(model, activity, clicks)
        if learn and weights is None:
            mails = sorted(self.mails, key=lambda mail: (mail.member, mail.sent_s))
            mailed = learn_from_mails(mailed, mails, self.profiles, seed=0)
        shown = Shown.of(self.shown() if learn else [], now_s=self.at(week))
        lists = mailed.rank(range(self.members), self.people, shown=shown)
        place = {posting.id: number for number, posting in enumerate(self.board)}
        return (
            [[place[each.posting_id] for each in one[:TOP]] for one in lists],
            mailed.recommender.weights,
        )

    def shown(self) -> list[tuple[int, int, int, int, int]]:
        """What each member was shown since they clicked it last, place by place."""
        since = {(member, posting): at for member, posting, at in self.clicks}
        return [
            (mail.member, job, 1, position, mail.sent_s)
            for mail in self.mails
            for position, job in enumerate(mail.jobs, 1)
            if mail.sent_s > since.get((mail.member, job), 0)
        ]

    def mail(self, week: int, lists: Sequence[Sequence[int]]) -> Week:
        """Send each member a list, and let them click and apply."""
        before = {(member, job) for member, job, *_ in self.shown()}
        times: dict[tuple[int, int], int] = {}
        for mail in self.mails:
            for job in mail.jobs:
                times[mail.member, job] = times.get((mail.member, job), 0) + 1
        applied = {(member, job) for member, job, kind, _ in self.rows if kind == ActivityKind.APPLY}
        sent, clicked, applications, repeats = self.at(week), 0, 0, 0
        for member, jobs in enumerate(lists):
            own = set()
            for position, job in enumerate(jobs, 1):
                repeats += (member, job) in before
                odds = (
                    0.25
                    * np.exp(1.1 * self.fit[member, job])
                    * self.fatigue ** times.get((member, job), 0)
                    / position**0.7
                )
                if self.random.random() < odds / (1 + odds):
                    own.add(job)
                    at = sent + 3_600 + position
                    self.clicks.append((member, job, at))
                    if self.logs_views:
                        self.rows.append((member, job, ActivityKind.VIEW, at + 2))
                    chance = 1 / (1 + np.exp(2.0 - 1.2 * self.fit[member, job]))
                    if (member, job) not in applied and self.random.random() < chance:
                        self.rows.append((member, job, ActivityKind.APPLY, at + 600))
                        applications += 1
            clicked += len(own)
            self.mails.append(Mail(member, sent, tuple(jobs), frozenset(own)))
        return Week(clicked, applications, repeats / max(1, sum(map(len, lists))))


@dataclass(frozen=True)
class Week:
    """What came of a week's mails: clicks, applications, and the share of places shown before and ignored."""

    clicks: int
    applications: int
    repeats: float


def play(
    world: World, *, weeks: int, learn: bool, weights: Weights | None = None
) -> tuple[list[Week], Weights]:
    """Some weekly mails; with `weights` nothing is learned but these are used."""
    found, used = [], Weights()
    for week in range(weeks):
        lists, used = world.refresh(week, learn=learn, weights=weights)
        found.append(world.mail(week, lists))
    return found, used


def main() -> None:
    """Print what eight weeks come to, without learning, with the stated defaults and with learning, for three worlds."""
    sys.stdout.write("fatigue  seed  lists      clicks  applications  repeats in weeks 2 to 8\n")
    for fatigue, seed in ((0.2, 0), (0.45, 0), (0.45, 1), (1.0, 0)):
        for name, learn, weights in (
            ("as ever", False, None),
            ("defaults", True, Weights()),
            ("learning", True, None),
        ):
            world = World(members=400, postings=400, seed=seed, fatigue=fatigue)
            weeks, _ = play(world, weeks=8, learn=learn, weights=weights)
            clicks, applications = (
                sum(getattr(week, what) for week in weeks) / world.members
                for what in ("clicks", "applications")
            )
            repeats = sum(week.repeats for week in weeks[1:]) / 7
            sys.stdout.write(
                f"{fatigue:7}  {seed:4}  {name:9}  {clicks:6.2f}  {applications:12.2f}  {repeats:7.1%}\n"
            )


if __name__ == "__main__":
    main()
