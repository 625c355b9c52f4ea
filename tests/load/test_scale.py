"""The scale table: boards are what they are said to be, and the table says what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from loadtest.bench.contenders import ServerSettings
from loadtest.bench.database import BoardDatabase, BoardSize
from loadtest.bench.peers.sized_board import fill
from loadtest.bench.processes import PinnedCores
from loadtest.bench.scale import Round, ServedBoard, table, verdict, workers_verdict
from loadtest.bench.turn import Bench

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = """
SELECT (SELECT count(*) FROM board.member), (SELECT count(*) FROM board.posting),
       (SELECT count(*) FROM connected_jobs.recommendation_list),
       (SELECT min(n) FROM (SELECT count(DISTINCT p.id) AS n
                            FROM connected_jobs.recommendation_list l, unnest(l.posting_ids) i
                            JOIN board.posting p ON p.id = i AND p.status = 'open' AND p.deadline > current_date
                            GROUP BY l.member_id) lists),
       (SELECT count(DISTINCT i) FROM connected_jobs.recommendation_list l, unnest(l.posting_ids) i),
       (SELECT bool_and(length(reasons) = 50) FROM connected_jobs.recommendation_list),
       (SELECT count(*) FROM connected_jobs.shelf WHERE category = '' AND region = '')
"""


def served(folder: Path, *, members: int, service_us: float, workers: int = 1) -> ServedBoard:
    """A board as measured."""
    database = BoardDatabase("", 0, folder, "", folder, folder, members)
    bench = Bench(database, ServerSettings("gunicorn", workers, 16, 4, folder), PinnedCores(), 16, 5, 0)
    made = ServedBoard(BoardSize(members, 5_000), bench, port=0, pid=0)
    made.rounds = [Round(1_000.0 * workers, service_us + by, 90.0) for by in (-5, 0, 30)]
    made.resident_mb, made.proportional_mb = [100.0, 110.0], [60.0, 50.0]
    return made


def test_a_board_has_its_size_and_every_list_fifty_different_open_postings(database_url: str) -> None:
    fill(database_url, members=400, postings=250)
    with psycopg.connect(database_url) as connection:
        row = connection.execute(CHECKS).fetchone()
    assert row == (400, 250, 400, 50, 250, True, 1)


def test_boards_that_cost_alike_are_within_the_tenth_and_others_are_not(tmp_path: Path) -> None:
    small, large = (
        served(tmp_path, members=10_000, service_us=500),
        served(tmp_path, members=1_000_000, service_us=540),
    )
    assert verdict([small, large]) == (
        "The service's CPU time a call differs by 8.0% between the boards: within 10% (by the least "
        "rounds, 8.1%)."
    )
    assert "not within" in verdict([small, served(tmp_path, members=1, service_us=551)])
    assert table([large]).splitlines()[1].split() == [
        *("1", "1,000,000", "5,000", "1000", "540", "(535)", "90", "-", "110", "60")
    ]


def test_a_worker_is_said_to_add_what_it_added(tmp_path: Path) -> None:
    one, two = (served(tmp_path, members=1, service_us=500, workers=workers) for workers in (1, 2))
    said = workers_verdict([one, two])
    assert said.endswith("2.00 times the calls at 1.00 times the CPU time each.")
