"""Rooms are small, near, and hold what they say: few modules a folder, few folders deep, statements in one of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_MODULES = 16  # of a folder, beside its __init__.py
MOST_DEEP = 3  # folders below app/ or loadtest/
_STATEMENT = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE [\w.]+ SET|DELETE FROM|WITH \w+ AS|COPY|TRUNCATE|EXPLAIN"
    r"|(CREATE|ALTER|DROP) (TABLE|SCHEMA|INDEX|DATABASE|FUNCTION|VIEW)|SET LOCAL|LISTEN|NOTIFY)\b"
)


def modules(root: str) -> list[Path]:
    """Every Python file below a folder of the project."""
    return sorted((ROOT / root).rglob("*.py"))


@pytest.mark.parametrize("root", ["app", "loadtest"])
def test_no_folder_is_crowded(root: str) -> None:
    counts: dict[Path, int] = {}
    for module in modules(root):
        if module.name != "__init__.py":
            counts[module.parent] = counts.get(module.parent, 0) + 1
    crowded = {str(folder.relative_to(ROOT)): count for folder, count in counts.items()}
    assert {folder: count for folder, count in crowded.items() if count > MOST_MODULES} == {}


@pytest.mark.parametrize("root", ["app", "loadtest"])
def test_no_module_lies_deep(root: str) -> None:
    below = {module: len(module.relative_to(ROOT / root).parts) - 1 for module in modules(root)}
    assert [str(module) for module, depth in below.items() if depth > MOST_DEEP] == []


def test_statements_stand_in_app_postgres_alone() -> None:
    found = [
        f"{module.relative_to(ROOT)}:{node.lineno}"
        for module in modules("app")
        if "postgres" not in module.relative_to(ROOT / "app").parts[:1]
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _STATEMENT.match(node.value)
    ]
    assert found == []
