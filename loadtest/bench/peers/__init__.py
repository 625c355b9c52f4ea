"""The programs that the service is measured beside, and what the runner must ask of Postgres; all their SQL is here."""
