"""Who may call: what a secret opens, and for how long."""

from __future__ import annotations

import pytest

from app.credentials import Credential, CredentialBook, Scope, hash_secret
from app.runtime.errors import UnavailableError
from tests.unit.serving.fakes import FakeStore


def credential(name: str, secret: str, scope: Scope = Scope.CONTENT) -> Credential:
    return Credential(name, scope, hash_secret(secret))


def test_a_secret_opens_by_itself_or_with_its_own_name_only() -> None:
    first, second = credential("braze", "one"), credential("회사", "two", Scope.METRICS)
    book = CredentialBook(FakeStore(known=[first, second]))
    assert (book.check("one"), book.loaded) == (None, False)
    book.update()
    assert book.loaded
    assert [book.check("one"), book.check("one", name="braze"), book.check("two", name="회사")] == [
        first,
        first,
        second,
    ]
    wrong = [
        ("one", "회사"),
        ("one", ""),
        ("One", "braze"),
        ("", None),
        ("one ", None),
        (first.secret_hash.hex(), None),
    ]
    assert [book.check(secret, name=name) for secret, name in wrong] == [None] * len(wrong)


def test_credentials_that_cannot_be_read_stay_as_they_were_and_revoked_ones_go() -> None:
    store = FakeStore(known=[credential("braze", "one"), credential("braze", "two")])
    book = CredentialBook(store)
    book.update()
    store.known, store.failing = store.known[:1], {"credentials"}
    with pytest.raises(UnavailableError):
        book.update()
    assert book.check("two") is not None
    store.failing = set()
    book.update()
    assert (book.check("one") is not None, book.check("two")) == (True, None)


def test_a_credential_shows_nothing_of_its_secret() -> None:
    shown = repr(credential("braze", "one"))
    assert shown == "Credential(name='braze', scope=<Scope.CONTENT: 'content'>)"
