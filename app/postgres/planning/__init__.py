"""Campaigns on record, evidence, counts of sends, running instances."""
