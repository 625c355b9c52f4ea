"""What became of the mail, in Postgres: exposures, clicks, other events, and when each is dropped."""
