"""Charts as inline SVG, with the same numbers as a table."""
