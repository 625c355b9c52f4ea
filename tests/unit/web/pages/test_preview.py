"""A call's answer beside a previewed mail."""

import pytest

from app.web.pages.preview import _laid_out


@pytest.mark.parametrize("body", ["", "no JSON", "[" * 100_000, "[" * 5_000 + "]" * 5_000])
def test_a_body_that_cannot_be_laid_out_stands_as_it_is(body: str) -> None:
    assert _laid_out(body) == body


def test_json_is_laid_out_with_its_letters() -> None:
    assert _laid_out('{"이름": 1}') == '{\n  "이름": 1\n}'
