"""An exposure comes back as it was built; what was cut on the way or comes from elsewhere is refused with a reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.board.campaign_key import CAMPAIGN_KEY
from app.feedback.exposure import (
    MOST_BYTES,
    MOST_EXTRAS_BYTES,
    Exposure,
    ExposureError,
    build,
    of_extras,
    parse,
    quoted,
)

RID = "aqBdGfU6K_NRfVp3"
ASCII = "0aZ9b"
KEYS = st.text("a0-_z9", min_size=1, max_size=64).filter(CAMPAIGN_KEY.fullmatch)
IDS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40).filter(
    lambda one: len(quoted(one)) <= 64
)
PLAIN_IDS = [f"p-{number:09}" for number in range(50)]


def text_of(ids: list[str], *, arm: str | None = None) -> str:
    text = build(RID, "weekly-digest", "personalized", arm, [quoted(one) for one in ids])
    assert text is not None
    return text


def test_the_text_reads_as_written_here() -> None:
    assert text_of(["p-1", "p|2", "공고,3"]) == (
        "v1|aqBdGfU6K_NRfVp3|weekly-digest|personalized||3|p-1,p%7C2,%EA%B3%B5%EA%B3%A0%2C3"
    )
    assert text_of(["p-1"], arm="b") == "v1|aqBdGfU6K_NRfVp3|weekly-digest|personalized|b|1|p-1"
    assert build(RID, "weekly", "popular", None, []) is None


@settings(max_examples=60)
@given(
    rid=st.text(ASCII + "_-", min_size=16, max_size=16),
    campaign=KEYS,
    source=st.sampled_from(["personalized", "profile", "popular"]),
    arm=st.none() | KEYS,
    ids=st.lists(IDS, min_size=1, max_size=50, unique=True),
)
def test_what_is_built_is_read_back_with_as_many_whole_ids_as_have_room(
    rid: str, campaign: str, source: str, arm: str | None, ids: list[str]
) -> None:
    text = build(rid, campaign, source, arm, [quoted(one) for one in ids])
    assert text is not None
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & set(" \"'\\<>{}%") - {"%"}
    assert len(text) <= MOST_BYTES
    found = parse(text)
    assert found == Exposure(rid, campaign, source, arm, len(ids), tuple(ids[: len(found.posting_ids)]))
    if len(found.posting_ids) < len(ids):
        left_out = quoted(ids[len(found.posting_ids)])
        assert len(text) + 1 + len(left_out) > MOST_BYTES


def test_of_fifty_long_ids_the_last_are_left_out_whole() -> None:
    ids = [f"2026-seoul-gangnam-{number:04}" for number in range(50)]
    found = parse(text_of(ids))
    assert (found.shown, found.posting_ids) == (50, tuple(ids[:35]))


@pytest.mark.parametrize("ids", [PLAIN_IDS[:3], PLAIN_IDS, ["공고 1", "공고 2", "공고 3"]])
def test_a_text_cut_before_its_last_id_is_refused(ids: list[str]) -> None:
    text = text_of(ids)
    for end in range(text.rfind(",") + 1):
        with pytest.raises(ExposureError):
            parse(text[:end])


def test_an_exposure_is_found_among_the_extras_of_an_event() -> None:
    text = text_of(PLAIN_IDS[:3])
    assert of_extras(json.dumps({"a": "1", "cj": text})) == parse(text)
    assert [of_extras(none) for none in (json.dumps({"a": "1"}), "{}", "", " ")] == [None] * 4
    assert of_extras(f'{{"cj": "{text}", "cj": "later"}}') == parse(text)


@pytest.mark.parametrize("ids", [PLAIN_IDS[:10], [*PLAIN_IDS[:9], "12345678 공고"]])
def test_what_other_extras_leave_no_room_for_is_refused_wherever_braze_cut_it(ids: list[str]) -> None:
    text = text_of(ids)
    for room in range(len(text)):
        other = "x" * (MOST_EXTRAS_BYTES - len("a") - len("cj") - room)
        with pytest.raises(ExposureError):
            of_extras(json.dumps({"a": other, "cj": text[:room]}))


@pytest.mark.parametrize("extras", ["{", "[]", '"cj"', "null", '{"cj": 1}', '{"cj": null}', "[" * 100_000])
def test_extras_that_are_no_object_of_texts_are_refused(extras: str) -> None:
    with pytest.raises(ExposureError, match="The message extras are no JSON"):
        of_extras(extras)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "An exposure begins with v1|; this text begins with ''."),
        (
            f"v2|{RID}|weekly|popular||1|p-1",
            "An exposure begins with v1|; this text begins with 'v2'.",
        ),
        ("민지", "An exposure is ASCII; this text has other characters."),
        (f"v1|{RID}|weekly", "An exposure has 7 fields; this text has 3."),
        (f"v1|{RID}|weekly|popular||1|p-1|x", "An exposure has 7 fields; this text has 8."),
        (
            "v1|short|weekly|popular||1|p-1",
            "The recommendation id of the exposure cannot be 'short'.",
        ),
        (f"v1|{RID}|Weekly|popular||1|p-1", "The campaign of the exposure cannot be 'Weekly'."),
        (f"v1|{RID}|weekly|||1|p-1", "The source of the exposure cannot be ''."),
        (f"v1|{RID}|weekly|popular|B!|1|p-1", "The arm of the exposure cannot be 'B!'."),
        (
            f"v1|{RID}|weekly|popular||0|p-1",
            "The number of postings of the exposure cannot be '0'.",
        ),
        (
            f"v1|{RID}|weekly|popular||2|p-1,",
            "The exposure names a posting as '', which is no whole id.",
        ),
        (
            f"v1|{RID}|weekly|popular||2|p-1,%E",
            "The exposure names a posting as '%E', which is no whole id.",
        ),
        (
            f"v1|{RID}|weekly|popular||2|p-1,p-1",
            "The exposure says 2 postings and names others than that many.",
        ),
        (
            f"v1|{RID}|weekly|popular||1|p-1,p-2",
            "The exposure says 1 posting and names others than that many.",
        ),
        (
            f"v1|{RID}|weekly|popular||3|p-1,p-2",
            "The exposure names 2 of 3 postings and had room for more: it was cut on the way.",
        ),
        (
            f"v1|{RID}|weekly|popular||90|" + ",".join(f"p-{number:08}" for number in range(90)),
            "An exposure is at most 900 ASCII characters; this text has 1028.",
        ),
    ],
)
def test_a_text_of_another_kind_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ExposureError) as refused:
        parse(text)
    assert str(refused.value) == reason
