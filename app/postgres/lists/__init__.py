"""Refresh runs, the lists and models they made, and which of them is in force."""
