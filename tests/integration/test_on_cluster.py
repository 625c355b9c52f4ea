"""Ranking on a Dask cluster of real processes: the same lists to the bit, whatever dies meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.postgres.lists import runs
from app.postgres.lists.refresh_lock import RefreshError
from app.refresh import on_cluster
from app.refresh.chunks import Ranking
from app.refresh.on_cluster import dask_cluster
from app.refresh.whole import refresh
from tests.integration.dask_processes import CONFIG, cluster
from tests.integration.small_board import fill, lists_made_at_once, lists_of, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from tests.integration.commands import Command

MEMBERS, CHUNK = 120, 6  # twenty chunks


@pytest.fixture
def board(engine: Engine) -> Engine:
    fill(engine, members=MEMBERS, postings=60)
    return engine


def are_those_made_at_once(board: Engine, run: int) -> bool:
    now = rows(board, "SELECT started_at FROM connected_jobs.refresh_run WHERE id = :run", run=run)[0][0]
    lists = lists_of(board, run)
    return len(lists) > 80 and lists == lists_made_at_once(board, now=now)


def tells_something(port: int) -> bool:
    """Whether a port answers what anybody asks who has a browser."""
    for path in ("/", "/status", "/metrics", "/health", "/info/main/workers.html", "/json/identity.json"):
        asked = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            asked.request("GET", path)
            if asked.getresponse().status != HTTPStatus.NOT_FOUND:
                return True
        except (HTTPException, OSError):
            continue  # Dask's own protocol
        finally:
            asked.close()
    return False


def refreshed(
    board: Engine, address: str, progress: Callable[[str, float], None] = lambda _stage, _share: None
) -> int:
    with dask_cluster(address) as connected:
        return refresh(board, ranking=Ranking(CHUNK, connected), progress=progress).run_id


def test_a_cluster_makes_the_same_lists_and_opens_no_more_than_it_needs(
    board: Engine, database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster(tmp_path, database_url, processes=2) as made:
        shares: list[float] = []

        def note(stage: str, share: float) -> None:
            if stage == "rank":
                shares.append(share)

        run = refreshed(board, made.address, note)
        assert are_those_made_at_once(board, run)
        assert shares == sorted(shares)
        assert (len(shares), shares[-1]) == (MEMBERS // CHUNK + 1, 1.0)
        ports = [*made.scheduler.listening(), *made.workers[0].listening()]
        assert {address for address, _ in ports} == {"127.0.0.1"}
        assert [port for _, port in ports if tells_something(port)] == []
        monkeypatch.setenv("DATABASE_URL", database_url)
        ran = command("refresh", "--on", made.address)
        assert "lists for" in ran.out
        assert are_those_made_at_once(board, 2)


def test_a_chunk_that_is_ranked_twice_is_written_once(
    board: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a worker is lost between writing and saying so, also where two write at the same moment."""
    run = refresh(board, ranking=Ranking(CHUNK), processes=1).run_id
    before = lists_of(board, run)
    ids = [row[0] for row in rows(board, "SELECT id FROM board.member ORDER BY id LIMIT 6")]
    monkeypatch.setenv("DATABASE_URL", database_url)
    on_cluster._engine.cache_clear()
    on_cluster._model.cache_clear()
    on_cluster.rank_chunk(run, 0, ids)
    asked = iter([False, True])
    monkeypatch.setattr(runs, "is_chunk_in", lambda *_: next(asked))
    on_cluster.rank_chunk(run, 0, ids)
    assert lists_of(board, run) == before
    assert rows(board, "SELECT count(*) FROM connected_jobs.refresh_chunk WHERE chunk = 0") == [(1,)]


def test_a_wrong_address_costs_no_fit(board: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_cluster, "CONNECT_S", 0.5)
    seen: list[str] = []
    with pytest.raises(RefreshError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        refreshed(board, "tcp://127.0.0.1:9", lambda stage, _: seen.append(stage))
    assert seen == []
    assert rows(board, "SELECT count(*) FROM connected_jobs.refresh_run") == [(0,)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--on", "scheduler:8786"], "--on scheduler:8786 is no scheduler's address: give tls://HOST:8786"),
        (["--on", "tls://scheduler:8786", "--changed"], "--on is of a whole refresh"),
        (["--on", "tls://scheduler:8786", "--rollback"], "--on is of a whole refresh"),
        (["--on", "tls://scheduler:8786"], "--on needs DATABASE_URL"),
    ],
)
def test_what_does_not_go_together_is_refused(
    command: Command, monkeypatch: pytest.MonkeyPatch, given: list[str], said: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert said in command("refresh", *given).sentence


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_a_chunk(board: Engine, database_url: str, tmp_path: Path) -> None:
    with cluster(tmp_path, database_url, database_url) as made:

        def kill_one(stage: str, share: float) -> None:
            if stage == "rank" and 0.2 < share < 0.3:
                made.workers[0].rankers()[-1].kill()

        assert are_those_made_at_once(board, refreshed(board, made.address, kill_one))


@pytest.mark.slow
def test_a_machine_that_is_gone_costs_its_chunks(board: Engine, database_url: str, tmp_path: Path) -> None:
    with cluster(tmp_path, database_url, database_url) as made:

        def kill_one(stage: str, share: float) -> None:
            if stage == "rank" and 0.2 < share < 0.3:
                made.workers[0].kill()

        assert are_those_made_at_once(board, refreshed(board, made.address, kill_one))


@pytest.mark.slow
def test_a_scheduler_that_is_gone_ends_the_run_which_the_next_resumes(
    board: Engine, database_url: str, tmp_path: Path
) -> None:
    with cluster(tmp_path, database_url) as made:

        def kill_it(stage: str, share: float) -> None:
            if stage == "rank" and share > 0.4:
                made.scheduler.kill()

        with pytest.raises(RefreshError, match=r"did not end its work .*goes on where it stopped"):
            refreshed(board, made.address, kill_it)
    report = refresh(board, ranking=Ranking(CHUNK), processes=1)
    assert report.resumed_chunks >= 8
    assert are_those_made_at_once(board, report.run_id)


@pytest.mark.slow
def test_a_whole_refresh_that_is_killed_is_resumed_on_the_cluster(
    board: Engine, database_url: str, tmp_path: Path
) -> None:
    def end(stage: str, share: float) -> None:
        if stage == "rank" and share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refresh(board, ranking=Ranking(CHUNK), processes=1, progress=end)
    with cluster(tmp_path, database_url) as made, dask_cluster(made.address) as connected:
        report = refresh(board, ranking=Ranking(CHUNK, connected))
    assert report.resumed_chunks >= 8
    assert are_those_made_at_once(board, report.run_id)


@pytest.mark.slow
def test_a_worker_of_another_database_or_of_none_is_named(
    board: Engine, bare_database_url: str, tmp_path: Path
) -> None:
    with (
        cluster(tmp_path, "") as made,
        pytest.raises(RefreshError, match=r"A worker of the cluster cannot rank: DATABASE_URL is not set"),
    ):
        refreshed(board, made.address)
    with (
        cluster(tmp_path, bare_database_url) as made,
        pytest.raises(RefreshError, match=r"A worker of the cluster cannot rank: .*"),
    ):
        refreshed(board, made.address)


@pytest.mark.slow
def test_a_scheduler_without_workers_is_named(board: Engine, tmp_path: Path) -> None:
    with (
        cluster(tmp_path) as made,
        pytest.raises(RefreshError, match=r"has no workers: start `dask worker tcp://"),
    ):
        refreshed(board, made.address)


def _certificates(folder: Path, authority: str) -> dict[str, Path]:
    """An authority of our own, and a certificate of it."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    folder.mkdir()
    key = ("-newkey", "rsa:2048", "-nodes")
    openssl(
        "req", "-x509", *key, "-days", "2", "-subj", f"/CN={authority}", "-keyout", "ca.key", "-out", "ca.crt"
    )
    openssl("req", *key, "-subj", "/CN=cluster", "-keyout", "tls.key", "-out", "tls.csr")
    openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "tls.crt")  # fmt: skip
    return {name: folder / name for name in ("ca.crt", "tls.crt", "tls.key")}


def _configured(folder: Path, files: dict[str, Path]) -> dict[str, str]:
    config = CONFIG.read_text()
    for name, path in files.items():
        config = config.replace(f"/run/secrets/cluster/{name}", str(path))
    (folder / "dask.yaml").write_text(config)
    return {"DASK_CONFIG": str(folder / "dask.yaml")}


@pytest.mark.slow
def test_with_certificates_only_those_who_have_one_are_let_in(
    board: Engine, database_url: str, tmp_path: Path
) -> None:
    """The published dask.yaml, as the chart mounts it."""
    ours = _configured(tmp_path, _certificates(tmp_path / "ours", "ours"))
    (tmp_path / "others").mkdir()
    strangers = _configured(tmp_path / "others", _certificates(tmp_path / "others" / "tls", "others"))
    with cluster(tmp_path, database_url, protocol="tls", env=ours) as made:
        command = [str(Path(sys.executable).with_name("connected-jobs")), "refresh", "--on"]
        plain = {key: value for key, value in os.environ.items() if not key.startswith("DASK")}

        def ran(address: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*command, address],
                env=plain | {"DATABASE_URL": database_url} | env,
                capture_output=True,
                text=True,
                check=False,
            )

        for address, env in [
            (made.address, strangers),
            (made.address.replace("tls", "tcp"), {}),
            (made.address, {}),
        ]:
            refused = ran(address, env)
            assert refused.returncode == 1, refused.stdout
            assert refused.stderr.startswith("connected-jobs: No Dask scheduler answers at "), refused.stderr
            assert "Traceback" not in refused.stderr
        assert rows(board, "SELECT count(*) FROM connected_jobs.refresh_run") == [(0,)]
        done = ran(made.address, ours)
        assert done.returncode == 0, done.stderr
    assert are_those_made_at_once(board, 1)


@pytest.mark.slow
def test_a_database_that_goes_away_from_the_workers_is_a_sentence(
    board: Engine, database_url: str, tmp_path: Path
) -> None:
    """What a worker's Postgres refuses reaches the person as any other refusal does."""
    with cluster(tmp_path, database_url) as made, dask_cluster(made.address) as connected:

        def drop(stage: str, share: float) -> None:
            if stage == "rank" and share == 0:
                with board.begin() as connection:
                    connection.execute(text("DROP TABLE connected_jobs.kept_model_1"))

        with pytest.raises(RefreshError, match=r"There is no model of run 1"):
            refresh(board, ranking=Ranking(CHUNK, connected), progress=drop)
