"""Everything that speaks SQL: tables, queries, bulk load, the embedded server."""

import psycopg

from app.postgres.board.instants import read_any_instant

read_any_instant(psycopg.adapters)
