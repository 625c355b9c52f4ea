"""The board's relations: loaded, checked, read for a refresh."""
