"""What became of earlier mails, as a refresh reads it: clicks by one instant, exposures for a chunk of members at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityLog
from app.postgres.engines import driver_of
from app.postgres.feedback.mailed import (
    copy_clicks,
    has_mails,
    select_mails,
    select_member_clicks,
    select_read_state,
    select_shown,
)
from app.recommend.mailed.clicks import MailedMembers, click_log, drop_visits, join_logs
from app.recommend.mailed.learning import MOST_MAILED, learn_from_mails
from app.recommend.mailed.mails import Mail
from app.recommend.scoring.discount import SHOWN_WITHIN_DAYS, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import psycopg
    from sqlalchemy import Engine

    from app.board.model import Member
    from app.postgres.board.snapshot import Snapshot
    from app.recommend.recommender import Recommender

CLICKED_WITHIN = timedelta(days=90)  # older clicks are no activity any more
SHOWN_WITHIN = timedelta(days=SHOWN_WITHIN_DAYS)


@dataclass(frozen=True, slots=True)
class KnownMails:
    """What a snapshot of the board says of mails.

    Attributes:
        any: Whether anything is known of any mail.
        state: A text that changes with whatever was read of them.
        clicks: Persons' clicks, by places among the member ids and the postings.
    """

    any: bool
    state: str
    clicks: ActivityLog


def read_mails(board: Snapshot, posting_ids: Sequence[str]) -> KnownMails:
    """What is known of mails at the instant of the snapshot."""
    rows = copy_clicks(driver_of(board.connection), posting_ids, CLICKED_WITHIN)
    clicks = click_log(rows["member"], rows["posting"], rows["at"])
    return KnownMails(has_mails(board.connection), select_read_state(board.connection), clicks)


def mailed_members(
    engine: Engine,
    model: Recommender,
    mails: KnownMails,
    activity: ActivityLog,
    member_ids: Sequence[str],
    profiles: Callable[[Sequence[int]], Sequence[Member]],
) -> MailedMembers:
    """What a fitted model knows of members, with what mails taught.

    Args:
        engine: The database, to read the mails that weights are learned from.
        model: Fitted on the board alone.
        mails: What is known of mails; nothing is learned where that is nothing, or where the options say so.
        activity: What members did, as the board has it.
        member_ids: All members, sorted.
        profiles: Reads profiles by position.
    """
    lead = model.catalogue.lead
    of_jobs = ActivityLog(
        activity.member,
        lead[activity.posting].astype(np.int32),
        activity.kind,
        activity.at,
        lead[activity.posting] == activity.posting,
    )
    own = mails.clicks
    clicks = click_log(own.member, lead[own.posting].astype(np.int32), own.at)
    if not (mails.any and model.options.learn_from_mails):
        return MailedMembers(model, of_jobs, click_log(own.member[:0], own.posting[:0], own.at[:0]))
    mailed = MailedMembers(model, of_jobs, drop_visits(clicks, of_jobs))
    clickers = np.unique(clicks.member)
    chosen = np.sort(np.random.default_rng(model.options.seed).permutation(clickers)[:MOST_MAILED])
    return learn_from_mails(
        mailed, _mails_of(engine, model, member_ids, chosen.tolist()), profiles, seed=model.options.seed
    )


def _mails_of(
    engine: Engine, model: Recommender, member_ids: Sequence[str], chosen: Sequence[int]
) -> list[Mail]:
    """The mails that some members got, by their positions."""
    position = {member_ids[at]: at for at in chosen}
    job_of = job_places(model)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        rows = select_mails(
            driver_of(connection), list(position), since=model.now - SHOWN_WITHIN, until=model.now
        )
        return [
            Mail(
                position[row.member_id],
                row.sent_s,
                [job_of.get(id_, -1) for id_ in row.posting_ids],
                {job_of[id_] for id_ in row.clicked if id_ in job_of},
            )
            for row in rows
        ]


def job_places(model: Recommender) -> dict[str, int]:
    """The position of each posting's job, by the posting's id."""
    catalogue = model.catalogue
    return dict(zip(catalogue.ids, catalogue.lead.tolist(), strict=True))


def shown_to(
    driver: psycopg.Connection, ids: Sequence[str], job_of: Mapping[str, int], *, now: datetime
) -> Shown:
    """What members were shown in mails up to now and ignored, by their places in `ids`."""
    place = {member_id: at for at, member_id in enumerate(ids)}
    rows = select_shown(driver, ids, since=now - SHOWN_WITHIN, until=now)
    return Shown.of(
        [
            (place[row.member_id], job_of[row.posting_id], row.times, row.highest, row.last_s)
            for row in rows
            if row.posting_id in job_of
        ],
        now_s=int(now.timestamp()),
    )


def with_clicks(
    driver: psycopg.Connection, ids: Sequence[str], log: ActivityLog, job_of: Mapping[str, int]
) -> ActivityLog:
    """What members did, with what they clicked in mails and the log does not tell, by places in `ids` and of jobs."""
    place = {member_id: at for at, member_id in enumerate(ids)}
    rows = [
        (place[member], job_of[posting], at)
        for member, posting, at in select_member_clicks(driver, ids, CLICKED_WITHIN)
        if posting in job_of
    ]
    member, posting, at = np.array(rows, np.int64).reshape(-1, 3).T
    clicks = click_log(member.astype(np.int32), posting.astype(np.int32), at)
    return join_logs(log, drop_visits(clicks, log))
