"""A generated board in the import format."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from app.cli.database import progress_bar
from app.demo.generate import generate as generate_board


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--members", default=20_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--postings", default=3_000, show_default=True, type=click.IntRange(1, 200_000))
@click.option("--seed", default=1, show_default=True)
def generate(out: Path, *, members: int, postings: int, seed: int) -> None:
    """Write a generated board to OUT in the import format; nothing in it is real."""
    with progress_bar() as progress:
        summary = generate_board(
            out, members=members, postings=postings, seed=seed, now=datetime.now(UTC), progress=progress
        )
    for noun, rows in summary.rows.items():
        click.echo(f"{noun:<10} {rows:>10,} rows, generated, not real")


COMMANDS = (generate,)
