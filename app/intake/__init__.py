"""Reads what comes back from Braze: files of Currents into the loop's tables, and what is missing of them."""
