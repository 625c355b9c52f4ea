"""Credentials in Postgres: only hashes are kept, several of one name live at once, revoking is for good."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.credentials import Scope
from app.postgres.credentials import insert_credential, revoke_credential, select_credentials

if TYPE_CHECKING:
    from sqlalchemy import Engine


def test_a_secret_has_256_random_bits_and_only_its_hash_is_kept(engine: Engine) -> None:
    with engine.begin() as connection:
        secrets = [insert_credential(connection, "braze", Scope.CONTENT)[1] for _ in range(20)]
        stored = (
            connection.execute(text("SELECT * FROM connected_jobs.credential ORDER BY id")).mappings().all()
        )
    assert len(set(secrets)) == 20
    assert {len(secret) for secret in secrets} == {43}  # 32 bytes in URL-safe Base64
    assert [bytes(row["secret_hash"]) for row in stored] == [sha256(one.encode()).digest() for one in secrets]
    kept = "".join(str(value) for row in stored for value in row.values())
    assert not [secret for secret in secrets if secret in kept]


def test_credentials_are_listed_in_the_order_they_were_made_without_secrets(engine: Engine) -> None:
    with engine.begin() as connection:
        first, secret = insert_credential(connection, "braze", Scope.CONTENT)
        second, _ = insert_credential(connection, "braze", Scope.CONTENT)
        third, _ = insert_credential(connection, "김 운영", Scope.OPERATOR)
        listed = select_credentials(connection)
    assert listed == [first, second, third]
    assert [(row.name, row.scope, row.revoked_at) for row in listed] == [
        ("braze", Scope.CONTENT, None),
        ("braze", Scope.CONTENT, None),
        ("김 운영", Scope.OPERATOR, None),
    ]
    assert secret not in repr(listed)


def test_revoking_one_leaves_the_others_of_its_name_and_happens_once(engine: Engine) -> None:
    with engine.begin() as connection:
        first, _ = insert_credential(connection, "braze", Scope.CONTENT)
        second, _ = insert_credential(connection, "braze", Scope.CONTENT)
    with engine.begin() as connection:
        revoked = revoke_credential(connection, first.id)
    with engine.begin() as connection:
        assert revoke_credential(connection, first.id) is None
        assert revoke_credential(connection, 4711) is None
        listed = select_credentials(connection)
    assert revoked is not None
    assert revoked.revoked_at is not None
    assert listed == [revoked, second]


def test_the_same_secret_cannot_be_two_credentials(engine: Engine) -> None:
    with engine.begin() as connection:
        insert_credential(connection, "a", Scope.CONTENT, secret="same" * 8)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        insert_credential(connection, "b", Scope.METRICS, secret="same" * 8)


@pytest.mark.parametrize(
    ("name", "scope", "secret_hash"),
    [("a", "root", b"x" * 32), ("a", "content", b"short"), (None, "content", b"x" * 32)],
)
def test_the_table_refuses_what_is_no_credential(
    engine: Engine, name: str | None, scope: str, secret_hash: bytes
) -> None:
    statement = text(
        "INSERT INTO connected_jobs.credential (name, scope, secret_hash) VALUES (:name, :scope, :secret_hash)"
    )
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(statement, {"name": name, "scope": scope, "secret_hash": secret_hash})
