"""What the documents say exists, exists; run as a program it writes the README's table of settings."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from app.cli.main import commands
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CONTEXT = click.Context(commands)
README = ROOT / "README.md"
DOCUMENTS = sorted(
    [
        README,
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "decisions").glob("*.md"),
        *(ROOT / "docs" / "warehouse").glob("*.md"),
    ]
)
BEGIN, END = "<!-- settings:", "<!-- end of settings -->"
OTHER_VARIABLES = {
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "CJ_AIRBRIDGE_TOKEN_FILE",
    "CJ_AMPLITUDE_KEY_FILE",
    "CJ_AMPLITUDE_SECRET_KEY_FILE",
    "CJ_BRAZE_KEY_FILE",
    "CJ_PREVIEW_CREDENTIAL_FILE",
    "CJ_WATCH_WEBHOOK_FILE",
    "CJ_SESSION_KEY_FILE",
    "CJ_LIMITS_URI_FILE",
}


def settings_table() -> str:
    """The README's table: every variable, its default and what it means."""
    rows = [
        (
            "DATABASE_URL",
            "",
            "the Postgres to use; without it, what `migrate` made in CJ_DATA_DIR, or the demo there",
        )
    ]
    rows += [
        (name, "" if default == "None" else default, meaning)
        for name, default, meaning in Settings.documented()
    ]
    lines = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |" for name, default, meaning in rows
    ]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *lines])


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def between(text: str, begin: str, end: str) -> str:
    """What stands between the line that begins with one mark and the line of another."""
    return text.split(begin, 1)[1].split("\n", 1)[1].split(end, 1)[0].strip()


def code_of(text: str) -> str:
    """The parts of a document that are code: fenced blocks and `spans`."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*blocks, *spans])


def commands_named(text: str) -> Iterator[list[str]]:
    """The words after `connected-jobs` wherever it is called, up to a comment or another program."""
    for line in code_of(text.replace("\\\n", " ")).splitlines():
        for called in re.findall(r"(?<!-[ug] )\bconnected-jobs ((?:[\w-]|\.)[^#|;&)'\"]*)", line):
            yield called.replace("…", "").split()


def unknown_in(words: list[str]) -> str | None:
    """The first word of a command line that is no command or option, None where all are."""
    command: click.Command = commands
    options = {"--help", "--version"}
    for word in words:
        if word.startswith("-"):
            if word.partition("=")[0] not in options:
                return word
        elif isinstance(command, click.Group):
            found = command.get_command(CONTEXT, word)
            if found is None:
                return word
            command = found
            options = {"--help", *(name for option in command.params for name in option.opts)}
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_and_option_that_a_document_names_exists(document: Path) -> None:
    unknown = {" ".join(words): unknown_in(words) for words in commands_named(text_of(document)) if words}
    assert {line: word for line, word in unknown.items() if word} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    targets = set(
        re.findall(r"^([a-z]+(?: [a-z]+)*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    existing = {name for line in targets for name in line.split()}
    assert set(re.findall(r"^(?:\$ )?make ([a-z]+)", code_of(text_of(document)), re.MULTILINE)) <= existing


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_variable_that_a_document_names_is_a_setting(document: Path) -> None:
    known = {name for name, _, _ in Settings.documented()} | OTHER_VARIABLES
    assert set(re.findall(r"\b(?:CJ_[A-Z_]+|DATABASE_URL\w*)", text_of(document))) <= known


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text_of(document))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_file_of_ours_that_a_document_names_is_there(document: Path) -> None:
    """Words in code that begin with one of our folders."""
    paths = re.findall(
        r"(?<!\S)((?:app|docs|loadtest|migrations|tests|\.ci)/[\w./-]+)(?!\S)", code_of(text_of(document))
    )
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_readmes_settings_are_those_that_are_read() -> None:
    """Out of step? `python -m tests.unit.test_documents` writes the table."""
    assert between(text_of(README), BEGIN, END) == settings_table()


def test_the_readmes_answer_has_the_shape_of_a_real_one() -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", text_of(README), re.MULTILINE | re.DOTALL)
    shown = json.loads(block)
    real = json.loads((ROOT / "app" / "web" / "examples" / "answer.json").read_text(encoding="utf-8"))
    assert list(shown) == list(real)
    assert shown["count"] == len(shown["postings"])
    for posting in shown["postings"]:
        assert list(posting) == list(real["postings"][0])
        assert f"rid={shown['recommendation_id']}&campaign={shown['campaign']}&position=" in posting["url"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_has_the_two_sides_of_a_merge(document: Path) -> None:
    assert not re.search(r"^(<{7}|>{7}|={7})( |$)", document.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_decision_is_in_the_readme() -> None:
    linked = set(re.findall(r"\(docs/decisions/([\w-]+\.md)\)", text_of(README)))
    assert linked == {path.name for path in (ROOT / "docs" / "decisions").glob("*.md")}


def test_the_glossary_has_each_word_once_in_the_order_of_the_alphabet() -> None:
    words = re.findall(r"^\| ([^|]+) \|", text_of(ROOT / "docs/glossary.md"), re.MULTILINE)[1:]
    assert len(words) > 40
    assert words == sorted({word.lower() for word in words})


def test_every_folder_of_the_code_is_in_the_architecture() -> None:
    text = text_of(ROOT / "docs" / "architecture.md")
    folders = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "app").rglob("__init__.py")} - {"app"}
    assert {folder for folder in folders if not re.search(rf"{folder}[/`]", text)} == set()


def test_every_make_target_is_in_some_document() -> None:
    text = " ".join(map(text_of, DOCUMENTS))
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {target for target in targets if not re.search(rf"make {target}\b", text)} == {"help"}


def test_every_command_is_in_some_document() -> None:
    mentioned = {words[0] for document in DOCUMENTS for words in commands_named(text_of(document)) if words}
    assert set(commands.list_commands(CONTEXT)) - mentioned == {
        "demo",
        "demo-mail",
        "generate",
    }  # `make demo` stands for all


@pytest.mark.parametrize("name", commands.list_commands(CONTEXT))
def test_every_command_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(commands, [name, "--help"])
    assert (shown.exit_code, shown.output.startswith(f"Usage: commands {name}")) == (0, True)


def test_the_image_is_built_from_the_locked_packages_and_serves_as_the_makefile_does() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "uv sync --frozen --no-dev" in dockerfile
    assert "sync --quiet --frozen" in makefile
    assert 'CMD ["connected-jobs", "serve"]' in dockerfile
    assert "connected-jobs serve" in makefile
    assert set(re.findall(r"\bCJ_[A-Z_]+", dockerfile)) <= {name for name, _, _ in Settings.documented()}


def test_what_the_wheel_takes_in_reaches_the_build_of_the_image() -> None:
    """A path that the build does not get ends it; only a build of the image would say so (`make image`)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    taken = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*taken["packages"], *taken["force-include"], project["project"]["readme"]}
    let_in = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line[:1] == "!"
    }
    copied = {
        path
        for sources in re.findall(
            r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
        )
        for path in sources.split()
    }
    assert (needed - let_in, needed - copied) == (set(), set())


def test_the_image_holds_the_oldest_python_that_the_project_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert f"ARG PYTHON_IMAGE=python:{oldest}-slim-" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


if __name__ == "__main__":
    whole = text_of(README)
    begin = whole.index("\n", whole.index(BEGIN)) + 1
    README.write_text(whole[:begin] + settings_table() + "\n" + whole[whole.index(END) :], encoding="utf-8")
