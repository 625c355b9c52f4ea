"""Syncs: what is pure of them."""
