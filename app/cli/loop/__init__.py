"""Commands of the loop: syncs out, events and outcomes in."""
