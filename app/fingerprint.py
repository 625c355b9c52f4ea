"""A fingerprint of what the service's speed depends on: the code that answers, its locked packages and its settings."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from app.runtime.instance import reported_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app.settings import Settings

# What servers load by these names; all else that answers is imported from here.
SERVED = ("app.wsgi", "app.gunicorn_conf", "app.granian_serving", "app.web.workers.gthread")
_ROOT = Path(__file__).parents[1]
_LOCK = _ROOT / "uv.lock"
# Where an instance stands and what it is called make it no faster.
_PLACES = ("bind", "data_dir", "health_bind", "instance", "snapshot")
# These limits are off while a ceiling is searched and set by what it found; the planner counts them by themselves.
_LIMITS = ("hard_rps", "soft_rps")


def fingerprint(settings: Settings) -> str:
    """16 hexadecimal digits that change with the code that answers, the locked packages or the settings."""
    digest = hashlib.sha256()
    for path in [*served_code(_ROOT, SERVED), *([_LOCK] if _LOCK.exists() else [])]:
        digest.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    named = {
        name: value for name, value in reported_settings(settings).items() if name not in _PLACES + _LIMITS
    }
    digest.update(json.dumps(named, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def served_code(root: Path, modules: Iterable[str]) -> list[Path]:
    """The files below `root` of modules and of all that they import, directly or not, in order of their names.

    Imports are read, not run, so that it makes no difference what else a process has loaded. Imports for type checkers
    alone do not count.
    """
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        for path in _files_of(root, waiting.pop()):
            if path not in found:
                found.add(path)
                waiting += _imports(ast.parse(path.read_bytes()))
    return sorted(found)


def _files_of(root: Path, module: str) -> Iterator[Path]:
    """A module's file and those of the packages it lies in, as far as they lie below `root`."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:count])
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                yield path


def _imports(tree: ast.AST) -> Iterator[str]:
    """Names that may be modules: those imported, and those imported from them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imports(node)
