"""Reads what comes back: files of Braze's Currents and of Airbridge's raw data into the loop's tables, and what is missing."""
