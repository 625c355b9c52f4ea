"""Who may call: credentials kept as hashes, compared in constant time, remembered for a short while."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


CREDENTIAL_POLL_S = 10.0  # between two readings, so that a revocation takes effect within 30 s


class Scope(StrEnum):
    """What a credential opens: the content API, the metrics, or (naming a person) the operator's pages."""

    CONTENT = "content"
    METRICS = "metrics"
    OPERATOR = "operator"


class Role(StrEnum):
    """What an operator may do in the planner; each role may do what those before it may."""

    LOOK = "look"
    PLAN = "plan"
    ADMINISTER = "administer"

    def may(self, needed: Role) -> bool:
        """Whether this role does what one of `needed` does."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Credential:
    """A live credential. The secret itself is 256 random bits, so one SHA-256 of it is enough to keep.

    `role` is that of an operator and says nothing of the other scopes.
    """

    name: str
    scope: Scope
    secret_hash: bytes = field(repr=False)
    role: Role = field(default=Role.ADMINISTER, repr=False)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is signed in to the planner's pages."""

    name: str
    role: Role


class CredentialStore(Protocol):
    """Where credentials are kept; may raise `UnavailableError`."""

    def credentials(self) -> Sequence[Credential]:
        """Every credential that is not revoked."""


def hash_secret(secret: str) -> bytes:
    """What is stored of a secret."""
    return sha256(secret.encode()).digest()


class CredentialBook:
    """The live credentials as last read.

    The worker's watch calls `update` more often than the 30 s within which a revocation must take effect.
    While Postgres is gone the book keeps what it knew: a campaign is not refused because a database fell.
    """

    def __init__(self, store: CredentialStore) -> None:
        self._store = store
        self._by_hash: dict[bytes, Credential] = {}
        self.loaded = False
        self.fresh = False

    def update(self) -> None:
        """Read the credentials again; raises `UnavailableError`."""
        self.restore(self._store.credentials())
        self.fresh = True

    def restore(self, credentials: Iterable[Credential]) -> None:
        """Go by these until the next update."""
        self._by_hash = {credential.secret_hash: credential for credential in credentials}
        self.loaded = True

    def all(self) -> list[Credential]:
        """The live credentials."""
        return list(self._by_hash.values())

    def check(self, secret: str, *, name: str | None = None) -> Credential | None:
        """The credential a secret belongs to, None for a wrong one; `name` must be its name where given.

        The look-up is by SHA-256, which tells an attacker nothing of how near a guess was; the stored hash
        is then compared in constant time.
        """
        hashed = hash_secret(secret)
        credential = self._by_hash.get(hashed)
        if credential is None or not hmac.compare_digest(credential.secret_hash, hashed):
            return None
        if name is not None and not hmac.compare_digest(credential.name.encode(), name.encode()):
            return None
        return credential
