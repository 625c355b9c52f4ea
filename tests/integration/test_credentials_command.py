"""`connected-jobs credential`: the words of the documents, in any case, make a credential of that scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from app.cli.main import commands
from app.credentials import Scope
from app.postgres.credentials import select_credentials

if TYPE_CHECKING:
    from sqlalchemy import Engine


@pytest.mark.parametrize(
    ("given", "scope"),
    [
        *((case(scope.value), scope) for scope in Scope for case in (str.lower, str.upper, str.title)),
        (None, Scope.CONTENT),
    ],
)
def test_a_scope_is_named_by_its_word(
    database_url: str, engine: Engine, given: str | None, scope: Scope
) -> None:
    asked = ["credential", "create", "somebody", *(["--scope", given] if given else [])]
    ran = CliRunner().invoke(commands, asked, env={"DATABASE_URL": database_url}, catch_exceptions=False)
    assert (ran.exit_code, ran.output.splitlines()[0]) == (0, f"Credential 1 for {scope.value}.")
    with engine.connect() as connection:
        assert [row.scope for row in select_credentials(connection)] == [scope]


def test_an_unknown_scope_is_refused_with_the_words_there_are() -> None:
    ran = CliRunner().invoke(commands, ["credential", "create", "somebody", "--scope", "admin"])
    assert ran.exit_code == 2
    assert "'content', 'metrics', 'operator'" in ran.output
