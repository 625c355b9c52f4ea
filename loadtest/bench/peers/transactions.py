"""Print how many transactions the database has committed so far."""

from __future__ import annotations

import os
import sys

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    row = connection.execute(
        "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
sys.stdout.write(str(row[0] if row else 0))
