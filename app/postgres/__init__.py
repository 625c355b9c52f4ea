"""Everything that speaks SQL: tables, queries, bulk load, the embedded server."""
