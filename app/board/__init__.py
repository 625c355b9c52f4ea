"""The board's nouns, the words its world shares, and the one rule on what may be shown; no SQL, no Flask."""
