"""What any part of the service raises when something it depends on does not answer."""

from __future__ import annotations


class UnavailableError(Exception):
    """The store cannot answer in time; `kind` is a short word for the metrics."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Postgres did not answer: {kind}")
        self.kind = kind
