"""Alembic's entry: runs every revision in the one transaction that `app.postgres.migrate` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="connected_jobs",
    transaction_per_migration=False,
)
context.run_migrations()
