"""A command without DATABASE_URL says which database stands in for it, and starts none behind anybody's back."""

from __future__ import annotations

import fcntl
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from app.cli.database import CommandError, database, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CJ_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@contextmanager
def demo(data: Path, port: int, *, runs: bool = True) -> Iterator[Path]:
    """A demo as far as others can see it."""
    folder = data / f"demo-{port}"
    folder.mkdir(parents=True)
    (folder / "database-url").write_text(f"postgresql://demo-{port}\n")
    with (folder / "lock").open("w") as lock:
        if runs:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / "database-url"


def refusal(*, make: bool = False) -> str:
    with pytest.raises(CommandError) as refused, database(make=make):
        pass
    return str(refused.value)


def test_without_any_database_the_ways_to_name_one_are_said(data: Path) -> None:
    assert refusal().startswith(
        "DATABASE_URL is not set: say `export DATABASE_URL=postgresql://user@host/name`, or DATABASE_URL_FILE"
    )
    assert not data.exists()


def test_the_one_demo_that_runs_is_asked_and_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with demo(data, 8080), demo(data, 9090, runs=False), database() as url:
        assert url == "postgresql://demo-8080"
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"DATABASE_URL is not set: this is of the demo that runs in {data / 'demo-8080'}.\n"


def test_of_two_demos_one_must_be_named(data: Path) -> None:
    with ExitStack() as demos:
        files = [demos.enter_context(demo(data, port)) for port in (8080, 9090)]
        said = refusal()
    for file in files:
        assert f"`export DATABASE_URL_FILE={file}`" in said


def test_what_makes_tables_touches_no_demo_unasked(data: Path) -> None:
    with demo(data, 8080) as file:
        assert f"`export DATABASE_URL_FILE={file}`" in refusal(make=True)


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_a_file_of_another_encoding_is_told_how_to_be_saved(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("name = '주간 추천'", encoding=encoding)
    with pytest.raises(CommandError) as refused:
        read_text(file, "plan")
    assert str(refused.value) == f"The plan {file} cannot be read: it is not in UTF-8; save it so."


def test_what_is_no_file_is_said_without_the_systems_numbers(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        read_text(tmp_path, "plan")
    assert str(refused.value) == f"The plan {tmp_path} cannot be read: Is a directory."
