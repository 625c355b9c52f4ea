"""The error of any part of the service whose dependency does not answer."""

from __future__ import annotations


class UnavailableError(Exception):
    """The store cannot answer in time; `kind` is a short word for the metrics."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Postgres did not answer: {kind}")
        self.kind = kind
