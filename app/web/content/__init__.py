"""The Connected Content API, what operators ask of the service, and the application both stand in."""
