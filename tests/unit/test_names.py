"""One class name has one meaning, and one advisory lock one number: two of a number would keep each other out."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = re.compile(r"\b4_250_112_\d{3}\b")  # the numbers of our advisory locks
# Names that two classes have, each with its reason.
DOUBLE = {
    "Answer": "what a member is answered; how the calls of a simulated second end, in the send model's own room",
    "Reason": "why a posting is in a list, why a verdict is as it is: the word of both fields, in rooms that never meet",
    "Service": "what a load test's evidence tells of the service; what the send model plays against, a protocol",
}


def classes() -> dict[str, list[str]]:
    """Where each class of app and loadtest is defined, by its name.

    A leading underscore is no part of the name: people speak of a `_Server` as of a `Server`, and a search finds both.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for root in ("app", "loadtest"):
        for module in sorted((ROOT / root).rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found[node.name.lstrip("_")].append(f"{module.relative_to(ROOT)}:{node.name}")
    return found


def test_a_class_name_has_one_meaning() -> None:
    doubles = {name: where for name, where in classes().items() if len(where) > 1}
    assert {name: where for name, where in doubles.items() if name not in DOUBLE} == {}
    assert set(DOUBLE) <= set(doubles)


def test_no_two_locks_have_one_number() -> None:
    modules = (ROOT / "app").rglob("*.py")
    counts = Counter(number for module in modules for number in LOCK.findall(module.read_text("utf-8")))
    assert len(counts) > 5
    assert {number for number, count in counts.items() if count > 1} == set()
