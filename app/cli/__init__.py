"""The `connected-jobs` command: reads settings, builds parts, runs one thing."""

from app.cli.main import main

__all__ = ["main"]
