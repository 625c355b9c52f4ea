"""A sync sends what changed and nothing else, says what it did, and hands each refused row back with a sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.doubles.braze_rest.profiles import Profiles
from tests.doubles.braze_rest.server import KEY, BrazeRest, braze_rest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.commands import Command

ATTRIBUTES = """
destination = "braze"
null = "{null}"
query = '''
{query}
'''
[limits]
share = 1.0
[braze]
host = "{host}"
"""


class World:
    """A table that a sync reads, a workspace that it writes to, and the command."""

    def __init__(self, url: str, braze: BrazeRest, command: Command, folder: Path) -> None:
        self.url, self.braze, self.command, self.folder = url, braze, command, folder

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def file(
        self,
        query: str = "SELECT * FROM board_out.wanted",
        *,
        name: str = "wanted",
        null: str = "skip",
        more: str = "",
    ) -> Path:
        path = self.folder / f"{name}.toml"
        path.write_text(
            more + ATTRIBUTES.format(query=query, null=null, host=self.braze.url), encoding="utf-8"
        )
        return path

    def sync(self, *words: object) -> Any:
        ran = self.command("sync", *words)
        self.braze.settle()
        return ran


@pytest.fixture
def world(
    database_url: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CJ_BRAZE_KEY", KEY)
    monkeypatch.setenv("CJ_BRAZE_PRIVATE", "on")
    members: dict[str, dict[str, Any]] = {f"m-{number:04}": {} for number in range(400)}
    with braze_rest(BrazeRest(profiles=Profiles(members=members))) as braze:
        made = World(database_url, braze, command, tmp_path)
        made.sql("CREATE SCHEMA board_out")
        made.sql(
            "CREATE TABLE board_out.wanted AS SELECT 'm-' || lpad(n::text, 4, '0') AS member_id, "
            "'field ' || n % 7 AS cj_field, n % 5 AS cj_new, n % 2 = 0 AS cj_tired FROM generate_series(0, 299) AS n"
        )
        yield made


def test_only_what_changed_is_sent_and_known_as_sent_when_it_was_acknowledged(world: World) -> None:
    file = world.file()
    planned = json.loads(world.sync("plan", file, "--json").out)
    assert (planned["compared"]["changed"], planned["compared"]["values"], planned["requests"]) == (
        300,
        900,
        4,
    )
    assert (planned["data_points"], len(planned["examples"]), world.braze.requests) == (900, 10, 0)
    ran = world.sync("run", file)
    assert ran.code == 0, ran.err
    assert world.braze.profiles.members["m-0008"] == {"cj_field": "field 1", "cj_new": 3, "cj_tired": True}
    assert (world.braze.requests, world.braze.profiles.data_points, world.braze.profiles.made) == (4, 900, 0)
    assert world.sync("run", file).code == 0
    assert world.braze.requests == 4
    world.sql("UPDATE board_out.wanted SET cj_new = 77 WHERE member_id = 'm-0008'")
    assert world.sync("run", file).code == 0
    assert (world.braze.requests, world.braze.profiles.data_points) == (5, 901)
    explained = world.sync("explain", file, "m-0008").out
    assert "cj_new = 77  sent" in explained
    assert "by run 3 of wanted: it was 3" in explained
    assert "by run 1 of wanted: nothing was known of it before" in explained
    assert "wanted" in world.sync("status").out
