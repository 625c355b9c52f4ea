"""`connected-jobs credential`: the words of the documents, in any case, make a credential of that scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli.main import commands
from app.credentials import Role, Scope, hash_secret
from app.postgres.audit import select_audit_log
from app.postgres.credentials import insert_credential, revoke_credential, select_credentials
from app.postgres.engines import batch_engine

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize(
    ("given", "role"),
    [([], Role.ADMINISTER), (["--role", "look"], Role.LOOK), (["--role", "Plan"], Role.PLAN)],
)
def test_an_operator_has_the_role_that_is_given_and_administers_without_one(
    database_url: str, given: list[str], role: Role
) -> None:
    env = {"DATABASE_URL": database_url}
    asked = ["credential", "create", "kim", "--scope", "operator", *given]
    ran = CliRunner().invoke(commands, asked, env=env)
    assert (ran.exit_code, f"  role:   {role}\n" in ran.output) == (0, True), ran.output
    with batch_engine(database_url).connect() as connection:
        assert [row.role for row in select_credentials(connection)] == [role]
        assert select_audit_log(connection, most=1)[0].subject == f"1 kim (operator, {role})"
    assert f"operator  {role}" in CliRunner().invoke(commands, ["credential", "list"], env=env).output


def test_only_an_operator_has_a_role(database_url: str) -> None:
    env = {"DATABASE_URL": database_url}
    ran = CliRunner().invoke(commands, ["credential", "create", "braze", "--role", "look"], env=env)
    assert ran.exit_code != 0
    assert "Only an operator has a role" in str(ran.exception)


def test_an_operator_of_before_there_were_roles_administers(database_url: str) -> None:
    with batch_engine(database_url).begin() as connection:
        connection.execute(
            text(
                "INSERT INTO connected_jobs.credential (name, scope, secret_hash) VALUES ('kim', 'operator', :hash)"
            ),
            {"hash": hash_secret("x")},
        )
        assert [row.role for row in select_credentials(connection)] == [Role.ADMINISTER]


def test_a_secret_may_be_given_and_given_again(database_url: str, tmp_path: Path) -> None:
    """As a chart's hook does at each upgrade."""
    file = tmp_path / "braze"
    file.write_text("a-secret-of-more-than-32-characters\n")
    asked = ["credential", "create", "braze", "--secret-from", str(file)]
    env = {"DATABASE_URL": database_url}
    first, second = (CliRunner().invoke(commands, asked, env=env) for _ in range(2))
    assert (first.exit_code, first.output) == (
        0,
        f"Credential 1 for content.\n  name:   braze\n  secret: as in {file}\n",
    )
    assert (second.exit_code, second.output) == (0, "Credential 1 (braze) is there already.\n")
    with batch_engine(database_url).connect() as connection:
        kept = connection.execute(text("SELECT secret_hash FROM connected_jobs.credential")).scalars().all()
        assert kept == [hash_secret("a-secret-of-more-than-32-characters")]


@pytest.mark.parametrize(
    ("content", "asked", "sentence"),
    [
        ("short", [], "give 32 random characters or more, ASCII and without blanks"),
        (
            "a secret of more than 32 characters",
            [],
            "give 32 random characters or more, ASCII and without blanks",
        ),
        ("비밀비밀비밀비밀비밀비밀비밀비밀비밀비밀비밀비밀비밀비밀비밀비밀", [], "ASCII and without blanks"),
        ("", [], "which is empty"),
        (None, [], "which cannot be read"),
        (
            "x" * 32,
            ["--scope", "metrics"],
            "The secret is that of credential 1 already, other (content): make another.",
        ),
        ("y" * 32, [], "The secret is that of credential 2, which is revoked: make another."),
    ],
)
def test_a_secret_that_does_not_do_changes_nothing(
    database_url: str, tmp_path: Path, content: str | None, asked: list[str], sentence: str
) -> None:
    with batch_engine(database_url).begin() as connection:
        insert_credential(connection, "other", Scope.CONTENT, secret="x" * 32)
        gone, _ = insert_credential(connection, "gone", Scope.CONTENT, secret="y" * 32)
        revoke_credential(connection, gone.id)
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    ran = CliRunner().invoke(
        commands,
        ["credential", "create", "braze", "--secret-from", str(file), *asked],
        env={"DATABASE_URL": database_url},
    )
    assert ran.exit_code != 0
    assert sentence in (ran.output or "") + str(ran.exception)
    with batch_engine(database_url).connect() as connection:
        assert len(select_credentials(connection)) == 2
