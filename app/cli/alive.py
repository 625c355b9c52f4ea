"""Liveness check for container engines, systemd and Kubernetes: is the service or planner with these settings alive?"""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

import click

from app.settings import Settings

WITHIN_S = 2.0
HTTP_OK = 200
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on


@click.command()
def alive() -> None:
    """Ask the service, or the planner, that runs here with these settings whether it is alive; exit 1 if neither is."""
    settings = Settings.from_env()
    asked = (settings.health_bind or settings.bind, settings.planner_bind)
    if not any(_is_alive(address) for address in asked):
        from app.cli.database import CommandError  # noqa: PLC0415 - asked every few seconds, and it reads all that commands need

        raise CommandError(f"Neither a service at {asked[0]} nor a planner at {asked[1]} answers.")


def _is_alive(address: str) -> bool:
    """Return whether the address answers. The call ignores any proxy in the environment."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    connection = HTTPConnection(_EVERY_ADDRESS.get(host, host), int(port), timeout=WITHIN_S)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == HTTP_OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


COMMANDS = (alive,)
