"""What the documents say of the columns is so, and no column changes under a version; run as a program it writes the documents' tables."""

from __future__ import annotations

import hashlib
from pathlib import Path

from app.warehouse.tables import TABLES, VERSION

ROOT = Path(__file__).parents[3]
README = ROOT / "docs/warehouse/README.md"
BEGIN, END = "<!-- schema: python -m tests.unit.warehouse.test_tables -->\n", "<!-- end of schema -->"
# Names and types of each version, which readers stand on: a change of them is a new version.
VERSIONS = {1: "f8a512be8d5b5810"}


def schema() -> str:
    """The README's part on the columns."""
    parts = []
    for table in TABLES:
        rows = [
            f"| `{one.name}` | {one.type}{'' if one.required else ', null'} | {one.says} |"
            for one in table.columns
        ]
        key = ", ".join(f"`{name}`" for name in table.key)
        head = f"**`{table.name}`**: {table.row}. Key: `day`, {key}."
        parts.append("\n".join([head, "", "| Column | Type | Says |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def test_the_readme_has_every_column() -> None:
    """Out of step? `python -m tests.unit.warehouse.test_tables` writes it."""
    assert README.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip() == schema()


def test_columns_change_with_the_version_alone() -> None:
    told = [(table.name, [(one.name, one.type, one.required) for one in table.columns]) for table in TABLES]
    assert VERSIONS[VERSION] == hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def test_every_key_is_of_its_columns() -> None:
    assert all(set(table.key) <= {one.name for one in table.columns} for table in TABLES)


if __name__ == "__main__":
    whole = README.read_text(encoding="utf-8")
    head, rest = whole.split(BEGIN)
    README.write_text(f"{head}{BEGIN}\n{schema()}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
