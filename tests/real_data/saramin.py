"""The crawl of Saramin's list pages, made ready to import: companies.csv and postings.csv."""

from __future__ import annotations

import bisect
import csv
import hashlib
import html
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from app.board.importing.rows import COMPANIES, POSTINGS
from app.board.veto import BOARD_ZONE, board_day
from app.board.vocabulary import JOB_GROUPS
from tests.real_data.job_groups import job_groups
from tests.real_data.report import Report, write_csv
from tests.real_data.saramin_fields import (
    Posted,
    UnknownFormError,
    board_time,
    company_key,
    read_career,
    read_deadline,
    read_education,
    read_employment,
    read_keywords,
    read_posted,
    read_regions,
    read_salary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_Value = TypeVar("_Value")
Crawled = dict[str, str]  # a record of the crawl, field by field

URL = "https://www.saramin.co.kr/zf_user/jobs/relay/view?rec_idx={}"
BADGE_IS_INDUSTRY = {"highcastle01/jobs", "Daeuning/crawled_data"}  # the other crawls kept praise there
_GROUP_BADGE = re.compile(rf"({'|'.join(JOB_GROUPS.values())}) (?:지원|스크랩|조회)")
_NO_INDUSTRY = {"", "N/A"}
ANY_CAREER: tuple[float | None, float | None] = (None, None)
NOTHING: list[str] = []


@dataclass(slots=True)
class _Log:
    """What became of records and fields, by reason."""

    lost: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def read(self, reader: Callable[[str], _Value], text: str, otherwise: _Value) -> _Value:
        """A field, or what stands for it where its form is unknown."""
        try:
            return reader(text)
        except UnknownFormError as unknown:
            self.left_out[str(unknown)] += 1
            return otherwise


def convert(src: Path, out: Path, *, shift_to: date | None = None) -> Report:
    """Convert the crawl in a folder.

    Args:
        src: Holds postings.csv as crawled.
        out: Gets the import files.
        shift_to: The day that the newest crawl's day becomes; all dates move by as many days.
    """
    records = _read(src / "postings.csv")
    log = _Log()
    kept = _newest_of_each(records, log)
    crawled = crawl_days(kept)
    newest = max(crawled.values())
    shift = shift_to - newest if shift_to else timedelta()
    numbering = Numbering(kept)
    postings = [_posting(record, crawled[record["source"]], numbering, shift, log) for record in kept]
    out.mkdir(parents=True, exist_ok=True)
    written = {
        "companies.csv": write_csv(out / "companies.csv", COMPANIES.names(), _companies(kept)),
        "postings.csv": write_csv(out / "postings.csv", POSTINGS.names(), postings),
    }
    notes = _notes(postings, newest, shift, log)
    return Report(read=len(records), written=written, lost=log.lost, notes=tuple(notes))


def _read(path: Path) -> list[Crawled]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{name: value or "" for name, value in row.items()} for row in csv.DictReader(file)]


def _newest_of_each(records: Sequence[Crawled], log: _Log) -> list[Crawled]:
    """One record of each posting, from the crawl that saw it last; none without number, title or company."""
    crawled = crawl_days(records)
    best: dict[str, Crawled] = {}
    for record in records:
        if missing := [name for name in ("rec_idx", "title", "company") if not record[name].strip()]:
            log.lost[f"no {missing[0]}"] += 1
            continue
        known = best.get(record["rec_idx"])
        if known:
            log.lost["an older copy of the same rec_idx"] += 1
        if known is None or crawled[record["source"]] >= crawled[known["source"]]:
            best[record["rec_idx"]] = record
    return list(best.values())


def crawl_days(records: Iterable[Crawled]) -> dict[str, date]:
    """The day on which each crawl was made: the newest day that its postings' beginnings name.

    It agrees with the deadlines: a list page writes 오늘마감 and 내일마감 (today, tomorrow), and the earliest
    written-out deadline of each crawl is the day after tomorrow.
    """
    days: defaultdict[str, date] = defaultdict(lambda: date.min)
    for record in records:
        at = read_posted(record["posted"], record["job_sectors"]).at
        if at is not None:
            days[record["source"]] = max(days[record["source"]], board_day(at))
    return dict(days)


class Numbering:
    """Saramin numbers postings in the order in which they are registered, so a number tells a day."""

    def __init__(self, records: Iterable[Crawled]) -> None:
        known = []
        for record in records:
            how, at = read_posted(record["posted"], record["job_sectors"])
            if how == "registered" and at is not None:
                known.append((int(record["rec_idx"]), at))
        known.sort()
        self._numbers = [number for number, _ in known]
        self._days = [at for _, at in known]

    def registered(self, number: int) -> datetime | None:
        """The day of the nearest known posting with this number or a lower one; None below them all."""
        at = bisect.bisect_right(self._numbers, number)
        return self._days[at - 1] if at else None


def opened_at(posted: Posted, number: int, crawled: date, numbering: Numbering) -> datetime:
    """When a posting was first shown: as told, or as its number tells where the page told another day."""
    if posted.at is not None and posted.how in ("registered", "starts"):
        return posted.at
    latest = posted.at if posted.at is not None and posted.how == "modified" else board_time(crawled)
    return min(latest, numbering.registered(number) or latest)


def _posting(
    record: Crawled, crawled: date, numbering: Numbering, shift: timedelta, log: _Log
) -> dict[str, object]:
    title = " ".join(html.unescape(record["title"]).split())
    keywords = read_keywords(record["job_sectors"])
    posted = read_posted(record["posted"], record["job_sectors"])
    ending = log.read(
        lambda text: read_deadline(text, crawled), record["deadline"], read_deadline("", crawled)
    )
    low, high = log.read(read_career, record["experience"], ANY_CAREER)
    salary = log.read(read_salary, record["salary"], None)
    named = _GROUP_BADGE.match(record["badge"])
    return {
        "id": record["rec_idx"],
        "title": title,
        "company_id": company_id(record["company"]),
        "url": URL.format(record["rec_idx"]),
        "opened_at": (opened_at(posted, int(record["rec_idx"]), crawled, numbering) + shift)
        .astimezone(BOARD_ZONE)
        .isoformat(),
        "categories": job_groups(keywords, title, named[1] if named else None),
        "regions": log.read(read_regions, record["location"], NOTHING),
        "career_min_years": low,
        "career_max_years": high,
        "education": log.read(read_education, record["education"], None),
        "employment_types": log.read(read_employment, record["employment_type"], NOTHING),
        "salary_min": salary and salary.won,
        "salary_max": salary and salary.won,
        "salary_unit": salary and salary.unit,
        "skills": keywords,
        "deadline": ending.deadline and ending.deadline + shift,
        "closes": ending.closes,
        "status": ending.status,
    }


def company_id(name: str) -> str:
    """An id made from the name: the crawl has no other."""
    return "saramin-" + hashlib.sha256(company_key(name).encode()).hexdigest()[:12]


def _companies(records: Iterable[Crawled]) -> list[dict[str, object]]:
    """Each company once, under its most frequent spelling."""
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    industries: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        company = company_id(record["company"])
        names[company][" ".join(record["company"].split())] += 1
        badge = " ".join(record["badge"].split())
        if record["source"] in BADGE_IS_INDUSTRY and badge not in _NO_INDUSTRY:
            industries[company][badge] += 1
    return [
        {"id": company, "name": spellings.most_common(1)[0][0], "industry": _most_common(industries[company])}
        for company, spellings in sorted(names.items())
    ]


def _most_common(counts: Counter[str]) -> str | None:
    return counts.most_common(1)[0][0] if counts else None


def _notes(postings: Sequence[dict[str, object]], newest: date, shift: timedelta, log: _Log) -> list[str]:
    today = newest + shift
    count = len(postings)
    groups = Counter(code for posting in postings for code in cast("list[str]", posting["categories"]))
    without = {
        name: sum(not posting[name] for posting in postings) for name in ("categories", "regions", "skills")
    }
    past = sum(isinstance(day := posting["deadline"], date) and day < today for posting in postings)
    hidden = sum(posting["status"] == "hidden" for posting in postings)
    return [
        f"the newest crawl is of {newest}; dates are moved by {shift.days:+,} days, to {today}",
        f"on that day {count - past - hidden:,} are open, {past:,} past their deadline, {hidden:,} announced (진행예정: hidden)",
        *(f"without {name}: {missing:,} ({missing / count:.1%})" for name, missing in without.items()),
        "job groups: " + ", ".join(f"{JOB_GROUPS[code]} {number:,}" for code, number in groups.most_common()),
        *(f"left out {number:,} x {reason}" for reason, number in log.left_out.most_common()),
    ]
