"""A query is read into a send's options, or refused by the name of what does not fit."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.serving.request import RequestOptions
from app.web.parameters import read_member_id, read_options
from app.web.problems import CallerError

if TYPE_CHECKING:
    from collections.abc import Callable

TODAY = date(2025, 1, 15)
PLAIN = RequestOptions("weekly", "2025-01-15", None, 10, "ko")
NAMES = ["campaign", "limit", "variant", "send", "lang"]


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("campaign=weekly", PLAIN),
        ("campaign=weekly&limit=&variant=&send=&lang=", PLAIN),
        ("lang=ko&limit=10&campaign=weekly&other=1&other=2", PLAIN),
        (
            "campaign=w&limit=50&variant=b-2&send=5f3:A_.-9&lang=en",
            RequestOptions("w", "5f3:A_.-9", "b-2", 50, "en"),
        ),
        (
            "campaign=" + "a" * 64 + "&limit=1&send=" + "s" * 100,
            RequestOptions("a" * 64, "s" * 100, None, 1, "ko"),
        ),
        ("c%61mpaign=week%6Cy&limit=007", RequestOptions("weekly", "2025-01-15", None, 7, "ko")),
    ],
)
def test_a_query_that_fits_is_read(query: str, options: RequestOptions) -> None:
    assert read_options(query, TODAY) == options


T = TypeVar("T")


def tried(read: Callable[..., T], *arguments: object) -> T | CallerError:
    """What was read, or why it was refused; anything else is raised."""
    try:
        return read(*arguments)
    except CallerError as refused:
        return refused


@given(values=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=70), max_size=5))
def test_any_query_is_read_or_refused_by_name_in_one_sentence(values: dict[str, str]) -> None:
    found = tried(read_options, urlencode(values, errors="surrogatepass"), TODAY)
    if isinstance(found, CallerError):
        assert (found.status, found.parameter in NAMES) == (400, True)
        assert found.detail.startswith(f"{found.parameter} ")
        assert found.detail.endswith(".")
    else:
        assert found.campaign == values["campaign"]
        assert 1 <= found.limit <= 50
        assert found.lang in ("ko", "en")


@given(raw=st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_no_bytes_at_all_break_the_reading(raw: str) -> None:
    found = tried(read_options, raw, TODAY)
    assert isinstance(found, RequestOptions) or found.status == 400


@given(raw=st.binary(max_size=250) | st.text(max_size=60).map(lambda text: text.encode(errors="replace")))
def test_an_id_is_what_its_bytes_say_or_is_refused(raw: bytes) -> None:
    found = tried(read_member_id, raw.decode(errors="replace"), raw.decode("latin-1"))
    if isinstance(found, CallerError):
        assert (found.status, found.parameter) == (400, "external_id")
    else:
        assert found.encode() == raw
        assert found.isprintable()
        assert 1 <= len(found) <= 200


@pytest.mark.parametrize(
    "member_id", ["a", "a" * 200, "회원 1", "🚀" * 200, "\ufffd", "a/b//c", "..", "مرحبا", "%2F"]
)
def test_printable_ids_are_taken_as_they_are(member_id: str) -> None:
    assert read_member_id(member_id, quote(member_id)) == member_id


@pytest.mark.parametrize(
    "member_id", ["", "a" * 201, "\0", "a\nb", "\x7f", "\u200d", "\u2028", "\ue000", "\u00a0"]
)
def test_other_ids_are_refused(member_id: str) -> None:
    with pytest.raises(CallerError) as refused:
        read_member_id(member_id, "")
    assert refused.value.parameter == "external_id"
