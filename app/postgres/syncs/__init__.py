"""Syncs in Postgres: the query's rows, what was acknowledged, the outbox, runs, and who asks what of them."""
