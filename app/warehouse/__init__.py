"""Our tables as files by the day, for a warehouse: what they hold, which are out of date, and how they are written."""
