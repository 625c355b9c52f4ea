"""Every word of the pages is there in Korean, and what is compiled is what is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from app.capacity.planner.wording.catalogue import SENTENCES
from app.feedback.experiments.refusals import Refusal
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


def _korean() -> set[str]:
    """Every Korean sentence of the pages, of verdicts, and of what is refused."""
    said = {str(message.string) for message in _catalogue() if message.id}
    said |= {korean for korean, _english in SENTENCES.values()}
    return said | {refusal.value[1] for refusal in Refusal}


def test_a_particle_is_never_left_to_the_reader() -> None:
    """A sentence is worded so that none stands behind a name that may end in any sound."""
    assert [one for one in _korean() if re.search(r"\((를|가|는|와|과|으|이)\)", one)] == []


def test_one_thing_has_one_korean_word() -> None:
    """What is on the right says it everywhere."""
    others = {
        "클릭한 사람": "클릭한 회원",
        "보낸 날": "발송일",
        "운영 담당자": "서비스 담당자",
        "플래너 담당자": "서비스 담당자",
        "대조안": "기준안",
        "발송 금지 시간": "방해 금지 시간",
        "Intelligent Timing": "인텔리전트 타이밍",
        "판정하지 못": "판단하지 못",
        "판정할 수 없": "판단할 수 없",
        "이전 쪽": "이전 페이지",
        "변경 이력": "변경 내역",
    }
    assert [one for one in _korean() for other in others if other in one] == []
