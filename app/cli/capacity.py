"""How fast a send may go."""

from __future__ import annotations

import click


@click.group()
def capacity() -> None:
    """Sends, and what they ask of the service."""


COMMANDS = (capacity,)
