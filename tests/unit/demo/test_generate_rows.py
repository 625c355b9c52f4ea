"""Every generated row is one that the import takes, and says nothing impossible."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest

from app.board.importing.rows import NOUNS, Noun, csv_rows
from app.board.veto import BOARD_ZONE
from app.board.vocabulary import JOB_GROUPS, REGIONS
from app.demo.salaries import LEAST_PER_HOUR
from tests.unit.demo.conftest import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.demo.conftest import Tables


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_the_import_takes_every_row(board: Tables, noun: Noun) -> None:
    with (board.folder / f"{noun.name}.csv").open(encoding="utf-8", newline="") as text:
        lines = csv.reader(text)
        read = csv_rows(noun, next(lines))
        taken = sum(1 for line in lines if read(line))
    assert taken == board.summary.rows[noun.name]


def test_ids_are_unique_and_every_reference_leads_somewhere(board: Tables) -> None:
    assert len(board.postings) == 1_500
    assert len(board.members) == 10_000
    assert {p["company_id"] for p in board.postings.values()} <= board.companies.keys()
    assert {a["member_id"] for a in board.activity} <= board.members.keys()
    assert {a["posting_id"] for a in board.activity} <= board.postings.keys()


def test_no_two_activity_rows_are_the_same(board: Tables) -> None:
    assert len({tuple(row.values()) for row in board.activity}) == len(board.activity)


def test_the_summary_counts_what_was_written(board: Tables) -> None:
    assert board.summary.kinds == dict(Counter(row["kind"] for row in board.activity))
    assert board.summary.rows["activity"] == len(board.activity)


def test_activity_happens_in_the_last_90_days_while_the_posting_is_shown(board: Tables) -> None:
    for row in board.activity:
        at = datetime.fromisoformat(row["occurred_at"])
        posting = board.postings[row["posting_id"]]
        assert NOW - timedelta(days=90) <= at < NOW
        assert datetime.fromisoformat(posting["opened_at"]) <= at < _over(posting)


def test_a_member_who_left_did_nothing_afterwards(board: Tables) -> None:
    left = {m: r["withdrawn_at"] for m, r in board.members.items() if r["withdrawn_at"]}
    done = [row for row in board.activity if row["member_id"] in left]
    assert done
    assert all(
        datetime.fromisoformat(row["occurred_at"]) < datetime.fromisoformat(left[row["member_id"]])
        for row in done
    )


def test_scraps_and_applications_follow_a_view_and_happen_once(board: Tables) -> None:
    first_view: dict[tuple[str, str], datetime] = {}
    once: Counter[tuple[str, str, str]] = Counter()
    for row in board.activity:
        key, at = (row["member_id"], row["posting_id"]), datetime.fromisoformat(row["occurred_at"])
        if row["kind"] == "view":
            first_view.setdefault(key, at)
        else:
            once[*key, row["kind"]] += 1
            assert first_view[key] <= at
    assert set(once.values()) == {1}


def test_every_company_is_labelled_and_every_link_leads_nowhere(board: Tables) -> None:
    assert all(c["name"].endswith("(가상)") for c in board.companies.values())
    assert all(p["url"] == f"https://board.example/postings/{i}" for i, p in board.postings.items())


def test_codes_are_the_published_ones(board: Tables) -> None:
    rows = [*board.postings.values(), *board.members.values()]
    assert {code for row in rows for code in row["categories"].split("|") if code} == JOB_GROUPS.keys()
    assert {
        path.partition("/")[0] for row in rows for path in row["regions"].split("|") if path
    } == REGIONS.keys()


def test_salaries_are_lawful_and_suit_their_period(board: Tables) -> None:
    least = {"KRW/year": 26_000_000, "KRW/month": 2_200_000, "KRW/hour": LEAST_PER_HOUR}
    most = {"KRW/year": 200_000_000, "KRW/month": 15_000_000, "KRW/hour": 60_000}
    paid = [p for p in board.postings.values() if p["salary_unit"]]
    assert {p["salary_unit"] for p in paid} == least.keys()
    assert all(
        least[p["salary_unit"]]
        <= int(p["salary_min"])
        <= int(p["salary_max"] or p["salary_min"])
        <= most[p["salary_unit"]]
        for p in paid
    )


def test_a_longer_career_is_paid_more(board: Tables) -> None:
    told = [
        p
        for p in board.postings.values()
        if p["categories"].startswith("2") and p["salary_unit"] == "KRW/year"
    ]
    short = [int(p["salary_min"]) for p in told if float(p["career_min_years"] or 0) <= 1]
    long = [int(p["salary_min"]) for p in told if float(p["career_min_years"] or 0) >= 5]
    assert sum(long) / len(long) > 1.25 * sum(short) / len(short)


def test_titles_agree_with_the_career_asked_for(board: Tables) -> None:
    for posting in board.postings.values():
        title, low = posting["title"], posting["career_min_years"]
        if "신입" in title:
            assert low == "0" or not low
        if "경력무관" in title:
            assert not low
        if "년 이상" in title:
            assert f"{low}년 이상" in title


def test_a_board_has_postings_of_every_state(board: Tables) -> None:
    today = NOW.astimezone(BOARD_ZONE).date()
    postings = board.postings.values()
    assert {p["status"] for p in postings} == {"open", "closed", "hidden"}
    assert {p["closes"] for p in postings} == {"on_date", "when_filled", "always_open"}
    assert any(
        p["status"] == "open" and p["deadline"] and p["deadline"] < today.isoformat() for p in postings
    )
    assert any(NOW - datetime.fromisoformat(p["opened_at"]) < timedelta(hours=1) for p in postings)
    served = [p for p in postings if p["status"] == "open" and (p["deadline"] or "9999") >= today.isoformat()]
    assert 0.6 < len(served) / len(postings) < 0.9


def test_no_generated_company_bears_the_name_of_a_real_one(board: Tables, real_data: Path) -> None:
    with (real_data / "saramin" / "postings.csv").open(encoding="utf-8", newline="") as text:
        real = {_bare(row["company"]) for row in csv.DictReader(text)}
    assert not real & {_bare(c["name"].removesuffix("(가상)")) for c in board.companies.values()}


def _bare(name: str) -> str:
    return name.replace("(주)", "").replace("주식회사", "").replace(" ", "")


def _over(posting: dict[str, str]) -> datetime:
    ends = [NOW]
    if posting["deadline"]:
        ends.append(
            datetime.combine(date.fromisoformat(posting["deadline"]) + timedelta(days=1), time(), BOARD_ZONE)
        )
    if posting["status"] != "open":
        ends.append(datetime.fromisoformat(posting["updated_at"]))
    return min(ends)
