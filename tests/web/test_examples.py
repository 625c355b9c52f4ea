"""Every documented example is a real answer of the service on the fixed board.

`CONNECTED_JOBS_WRITE_EXAMPLES=1 pytest tests/web/test_examples.py` writes them anew, here and in `docs/api.md`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.web.content.openapi import document
from app.web.openapi_parts import EXAMPLES
from tests.web.wire import basic

if TYPE_CHECKING:
    from tests.web.service import Service

API_DOC = Path(__file__).parents[2] / "docs" / "api.md"
ANSWER = "/v1/members/m-list/recommendations?campaign=weekly-digest&limit=2&variant=b&send=dispatch-1"
CALLS = {
    "answer": (200, ANSWER, basic("braze")),
    "popular": (200, ANSWER.replace("m-list", "m-nobody").replace("limit=2", "limit=1"), basic("braze")),
    "invalid_limit": (400, ANSWER.replace("limit=2", "limit=51"), basic("braze")),
    "unauthorized": (401, ANSWER, basic("braze", "not-the-secret")),
    "forbidden": (403, ANSWER, basic("prometheus")),
}
_BLOCK = re.compile(r"(?<=```json\n).*?(?=\n```)", re.DOTALL)


def pretty(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2)


@pytest.mark.parametrize("name", CALLS)
def test_an_example_is_what_the_service_answers(reader: Service, name: str) -> None:
    status, target, authorization = CALLS[name]
    response = reader.get(target, authorization=authorization)
    file = EXAMPLES / f"{name}.json"
    if os.environ.get("CONNECTED_JOBS_WRITE_EXAMPLES"):
        file.write_text(pretty(response.json) + "\n", encoding="utf-8")
    assert response.status_code == status
    assert json.loads(file.read_text(encoding="utf-8")) == response.json


def test_there_is_no_example_that_is_not_tried() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.json")} == set(CALLS)
    described = json.dumps(document(), ensure_ascii=False)
    for name in CALLS:
        example = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        assert f'"{name}": {{"value": {json.dumps(example, ensure_ascii=False)}}}' in described


def test_the_answer_in_the_documentation_is_that_example() -> None:
    answer = pretty(json.loads((EXAMPLES / "answer.json").read_text(encoding="utf-8")))
    text = API_DOC.read_text(encoding="utf-8")
    if os.environ.get("CONNECTED_JOBS_WRITE_EXAMPLES"):
        API_DOC.write_text(_BLOCK.sub(lambda _: answer, text, count=1), encoding="utf-8")
        text = API_DOC.read_text(encoding="utf-8")
    assert _BLOCK.findall(text) == [answer]
    assert ANSWER in text
