"""Serving the planner: its pages and its JSON API."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from app.cli.database import database
from app.cli.subprocesses import running, stop_on_signals
from app.postgres.connecting import read_database_url
from app.settings import Settings

PLANNER = [
    *(sys.executable, "-m", "gunicorn", "--config"),
    str(Path(__file__).parents[1] / "planner_gunicorn_conf.py"),
]


@click.command()
def planner() -> None:
    """Serve the planner's pages and API until stopped; a process of its own, never the one that answers mails."""
    settings = Settings.from_env()
    if settings.database_url is not None:
        read_database_url(
            settings.database_url
        )  # a wrong setting is reported here, not by a traceback of the server
        os.execv(PLANNER[0], PLANNER)  # noqa: S606 - there is no shell to avoid
    with stop_on_signals(), database() as url, running(PLANNER, {"DATABASE_URL": url}) as server:
        server.wait()


COMMANDS = (planner,)
