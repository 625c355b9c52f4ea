"""Converted data goes into a real Postgres."""

from tests.postgres_fixtures import bare_database_url, database_url, engine, server_url, template

__all__ = ["bare_database_url", "database_url", "engine", "server_url", "template"]
