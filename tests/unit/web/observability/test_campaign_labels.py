"""Which campaigns are counted by name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from app.web.observability.campaign_labels import CampaignLabels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["alone", "shared"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "campaigns" if request.param == "shared" else None


def test_the_first_names_are_admitted_and_stay_so(file: Path | None) -> None:
    names = CampaignLabels(2, file)
    assert [names.admits(name) for name in ("a", "b", "c", "a", "c", "b")] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]


def test_workers_share_one_list_and_so_does_one_that_comes_later(tmp_path: Path) -> None:
    first, second = (CampaignLabels(3, tmp_path / "campaigns") for _ in range(2))
    assert first.admits("a")
    assert second.admits("b")
    assert first.admits("c")
    assert not second.admits("d")
    assert second.admits("a")
    later = CampaignLabels(3, tmp_path / "campaigns")
    assert [later.admits(name) for name in ("d", "c")] == [False, True]


def test_workers_that_race_admit_no_more(tmp_path: Path) -> None:
    workers = [CampaignLabels(10, tmp_path / "campaigns") for _ in range(4)]

    def flood(worker: CampaignLabels) -> None:
        for number in range(50):
            worker.admits(f"campaign-{number}")

    threads = [threading.Thread(target=flood, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    authenticate = [
        {f"campaign-{n}" for n in range(50) if worker.admits(f"campaign-{n}")} for worker in workers
    ]
    assert [len(names) for names in authenticate] == [10] * 4
    assert len(set.union(*authenticate)) == 10


def test_a_list_that_cannot_be_kept_costs_no_answer(tmp_path: Path) -> None:
    names = CampaignLabels(10, tmp_path / "nowhere" / "campaigns")
    assert not names.admits("a")
    (tmp_path / "nowhere").mkdir()
    assert names.admits("a")
