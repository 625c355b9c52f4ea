"""What the image holds of others, under which licence; run as a program it writes docs/notices.md."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTICES = ROOT / "docs" / "notices.md"
HEAD = """# What the image holds of others

The packages of `uv.lock` that are installed without extras, with the licences they state. Their licence texts lie beside them
in the image, in `/srv/connected-jobs/.venv/lib/python3.*/site-packages/*.dist-info/`; those of Debian and Python in
`/usr/share/doc/*/copyright`. Those under the LGPL are used as libraries, unchanged, and may be replaced by others of the same
interface. `make audit` asks further: for known weaknesses, and for risky code of ours. Written by `python -m
tests.unit.test_notices`.

| Package | Licence |
|---|---|
"""
# Packages that only older Pythons need than tests run on.
ELSEWHERE = {"async-timeout": "Apache-2.0"}
# What may be shipped in an image that is passed on; a new one is a decision.
FINE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Unlicense|0BSD|Zlib|CC0|LGPL|Lesser General Public)\b",
    re.IGNORECASE,
)


def needed() -> set[str]:
    """Every package that the service needs, directly or not, on any machine but Windows."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    packages = {one["name"]: one for one in lock["package"]}
    found, left = set[str](), ["connected-jobs"]
    extras: dict[str, list[str]] = {}
    while left:
        name = left.pop()
        package = packages[name]
        wanted = list(package.get("dependencies", []))
        for extra in extras.get(name, []):
            wanted += package.get("optional-dependencies", {}).get(extra, [])
        for one in wanted:
            if re.fullmatch(r"sys_platform == 'win32'", one.get("marker", "")):
                continue
            before = set(extras.get(one["name"], []))
            extras[one["name"]] = [*before, *(set(one.get("extra", [])) - before)]
            if one["name"] not in found or set(one.get("extra", [])) - before:
                found.add(one["name"])
                left.append(one["name"])
    return found


def licence(name: str) -> str | None:
    """What an installed package says its licence is, None where it is not installed here."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ELSEWHERE.get(name)
    if expression := told.get_all("License-Expression", []):
        return str(expression[0])
    classified = [
        line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License ::")
    ]
    stated = str((told.get_all("License") or [""])[0]).strip()
    return ", ".join(classified) or stated.splitlines()[0] if classified or stated else "not stated"


def listed() -> dict[str, str]:
    """The page's table."""
    return dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", NOTICES.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_package_of_the_image_is_listed_and_no_other() -> None:
    """Out of step? `python -m tests.unit.test_notices` writes the page."""
    assert set(listed()) == needed()


def test_the_licences_are_those_that_the_packages_state() -> None:
    stated = {name: licence(name) for name in needed()}
    assert {name: said for name, said in stated.items() if said is not None and listed()[name] != said} == {}


def test_every_licence_is_one_that_an_image_may_be_passed_on_with() -> None:
    assert {name: said for name, said in listed().items() if not FINE.search(said)} == {}
    assert {name: said for name, said in listed().items() if re.search(r"\bA?GPL", said)} == {}


if __name__ == "__main__":
    rows = {name: licence(name) or listed().get(name, "not stated") for name in needed()}
    table = "\n".join(f"| `{name}` | {said} |" for name, said in sorted(rows.items()))
    NOTICES.write_text(HEAD + table + "\n", encoding="utf-8")
