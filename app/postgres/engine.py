"""Connections for commands, from a libpq URL; answering has its own (`serving_pool`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from sqlalchemy import Engine


def batch_engine(url: str) -> Engine:
    """An engine for commands: a connection per use, transactions as usual.

    Args:
        url: As libpq reads it; several hosts are allowed.
    """
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, application_name="connected-jobs"),
        poolclass=NullPool,
    )
