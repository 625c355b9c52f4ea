"""Make an empty database on the server of DATABASE_URL: `python -m loadtest.bench.peers.new_database NAME`."""

from __future__ import annotations

import os
import sys

import psycopg
from psycopg import sql

with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    name = sql.Identifier(sys.argv[1])
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
    connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
