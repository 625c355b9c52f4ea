"""Campaigns on record: values, errors, and what storage must offer."""
