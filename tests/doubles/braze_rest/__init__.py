"""Braze's REST API on loopback: users, events, deletions and catalogs, with its limits and its faults."""
