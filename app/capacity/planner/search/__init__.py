"""The limits, starts and deadlines that would do."""
