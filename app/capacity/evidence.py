"""A load test's evidence as a plan needs it; docs/evidence-schema.md describes the whole file."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - evidence is read by its annotations
from typing import Any, Literal

import msgspec

SCHEMA: Literal["connected-jobs/load-evidence"] = "connected-jobs/load-evidence"
VERSION: Literal[1] = 1


class EvidenceError(ValueError):
    """A file that is not evidence; the sentence says where and why."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; `low_rps` is what to plan on."""

    sentence: str
    kind: Literal["ceiling", "at_least", "unconfirmed", "none"]
    rps: float
    low_rps: float
    high_rps: float | None
    bound_by: tuple[str, ...]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What the service told of itself."""

    service: dict[str, Any]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the file that are read; the rest is kept as it is."""

    id: str
    began_at: datetime
    ended_at: datetime
    host: str
    verdict: Verdict
    environment: Environment
    schema: Literal["connected-jobs/load-evidence"]
    version: Literal[1]


def read_evidence(text: str) -> tuple[Evidence, dict[str, Any]]:
    """Read a file's text; returns what is used of it and all of it.

    Raises:
        EvidenceError: not JSON, or not evidence of this version.
    """
    try:
        return msgspec.json.decode(text, type=Evidence), msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise EvidenceError(
            f"This is not load evidence of version {VERSION}: {error}. Give the file that "
            "`python -m loadtest ceiling` wrote."
        ) from error
