"""Every word of the pages is there in Korean, and what is compiled is what is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from app.web.pages.language import TRANSLATIONS

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

PAGES = Path(TRANSLATIONS).parent
KOREAN = TRANSLATIONS / "ko" / "LC_MESSAGES"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
PLACE = re.compile(r"%\(\w+\)s")


def _catalogue() -> Catalog:
    with (KOREAN / "messages.po").open("rb") as file:
        return read_po(file, locale="ko")


def _said() -> set[str]:
    """Every text that the pages mark for translation."""
    found = extract_from_dir(
        PAGES,
        METHODS,
        keywords={"_": None, "_l": None},
        options_map={"**/templates/**.html": {"silent": "false"}},
    )
    return {str(message) for _file, _line, message, _comments, _context in found}


def test_every_text_of_the_pages_is_translated_and_nothing_else_is() -> None:
    translated = {str(message.id) for message in _catalogue() if message.id}
    said = _said()
    assert len(said) > 300
    assert said - translated == set()
    assert translated - said == set()


def test_each_translation_is_one_and_fills_in_the_same_places() -> None:
    for message in _catalogue():
        if not message.id:
            continue
        assert message.string, message.id
        assert sorted(PLACE.findall(str(message.id))) == sorted(PLACE.findall(str(message.string))), (
            message.id
        )
        assert not message.fuzzy, message.id
        assert message.string != message.id, message.id


def test_the_compiled_catalogue_is_that_of_the_written_one() -> None:
    with (KOREAN / "messages.mo").open("rb") as file:
        compiled = {message.id: message.string for message in read_mo(file) if message.id}
    written = {message.id: message.string for message in _catalogue() if message.id}
    assert compiled == written, "run `pybabel compile -d app/web/pages/translations`"
