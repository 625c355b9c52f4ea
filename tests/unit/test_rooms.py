"""Rooms are small, near, and hold what they say: few modules a folder, few folders deep, short functions, statements in one of them.

Unit tests stand as what they test does: tests of `app/a/b.py` are in `tests/unit/a/test_b.py`, or `test_b_WORDS.py`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MOST_MODULES = 16  # of a folder, beside its __init__.py
MOST_DEEP = 3  # folders below app/ or loadtest/
OF_THE_PROJECT = {
    "test_documents.py",
    "test_names.py",
    "test_notices.py",
    "test_rooms.py",
}  # they read files, not a room
MOST_LINES = 50  # of a function, its docstring and the functions in it included
MOST_ARGUMENTS = 8  # of a function, without self or cls
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


def functions() -> Iterator[tuple[str, int, int]]:
    """Each function of app and loadtest: its name, its lines and its arguments."""
    for module in [*modules("app"), *modules("loadtest")]:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                arguments = [name for name in names if name not in ("self", "cls")]
                yield f"{module.relative_to(ROOT)}:{node.name}", lines, len(arguments)


def test_a_function_fits_a_screen() -> None:
    assert {name for name, lines, _ in functions() if lines > MOST_LINES} == set()


def test_a_signature_can_be_remembered() -> None:
    many = {name for name, _, arguments in functions() if arguments > MOST_ARGUMENTS}
    assert many == set()


def test_statements_stand_in_app_postgres_alone() -> None:
    found = [
        f"{module.relative_to(ROOT)}:{node.lineno}"
        for module in modules("app")
        if "postgres" not in module.relative_to(ROOT / "app").parts[:1]
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _STATEMENT.match(node.value)
    ]
    assert found == []


def test_doubles_know_nothing_of_us() -> None:
    """A double that used our code would share its mistakes."""
    found = {
        f"{module.relative_to(ROOT)}: {name}"
        for module in modules("tests/doubles")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom)
            else [one.name for one in node.names] if isinstance(node, ast.Import)
            else []
        )
        if name.partition(".")[0] in ("app", "loadtest")
    }  # fmt: skip
    assert found == set()


def room_of(folder: Path) -> Path:
    """The folder that a folder of unit tests stands for."""
    parts = folder.relative_to(ROOT / "tests/unit").parts
    return ROOT.joinpath(*parts) if parts[:1] == ("loadtest",) else ROOT.joinpath("app", *parts)


def test_unit_tests_stand_as_what_they_test_does() -> None:
    """Each folder is a folder of `app` or `loadtest`; each file begins with the name of a module or folder there, or its own."""
    strayed = []
    for file in sorted((ROOT / "tests/unit").rglob("test_*.py")):
        room = room_of(file.parent)
        names = [room.name, *(path.stem for path in room.glob("[!_]*"))]
        begins = any(file.stem == f"test_{name}" or file.stem.startswith(f"test_{name}_") for name in names)
        if not (room.is_dir() and begins) and file.name not in OF_THE_PROJECT:
            strayed.append(str(file.relative_to(ROOT)))
    assert strayed == []


def test_every_folder_of_unit_tests_holds_tests() -> None:
    folders = {path.parent for path in (ROOT / "tests/unit").rglob("*.py")}
    assert [str(folder) for folder in folders if not room_of(folder).is_dir()] == []
