"""Braze's REST API as a sync's destination: members' attributes, events, catalogs, deletions."""
