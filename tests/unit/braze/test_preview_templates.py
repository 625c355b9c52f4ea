"""The templates we publish, rendered with good, poor and hostile answers."""

import difflib
import html
import json
import re
from html.parser import HTMLParser

import pytest

from app.braze.calls import CallAnswer, StoredCredential
from app.braze.preview import Aborted, PartPreview, Rendered, WouldBeRetried, preview
from app.feedback.exposure import Exposure, of_extras
from tests.unit.braze.answers import (
    RID,
    TEMPLATES,
    FakeFetch,
    answer_body,
    answering,
    failing,
    posting,
    realistic_postings,
)

NAMES = ("jobs-mail.html", "jobs-mail.txt", "jobs-mail-retry.html", "jobs-mail-retry.txt")
HTML_NAMES = tuple(name for name in NAMES if name.endswith(".html"))
TEXT_NAMES = tuple(name for name in NAMES if name.endswith(".txt"))
GMAIL_CLIPS_AT_BYTES = 102 * 1024

HOSTILE = [
    "<script>alert(1)</script>",
    "{{ 7 }}",
    "{% assign x = 1 %}",
    "{% abort_message() %}",
    "\" onclick='x' \"",
    "it's & it’s",
    "👩‍💻 개발자 🚀",
    "مطلوب مهندس",
    "\u202eRTL override",
    "가" * 200,
    "</td></table><h1>",
    "&amp; &lt;b&gt;",
    "-->]]>",
]


def _source(name: str) -> str:
    return (TEMPLATES / f"{name}.liquid").read_text(encoding="utf-8")


def _render(name: str, fetch: FakeFetch) -> PartPreview:
    return preview(
        _source(name), user_id="m/1", credential=StoredCredential("preview", "secret"), fetch=fetch
    )


def _text(
    name: str, postings: list[dict[str, object]], *, source: str = "personalized", degraded: str | None = None
) -> str:
    outcome = _render(name, answering(answer_body(postings, source=source, degraded=degraded))).outcome
    assert isinstance(outcome, Rendered)
    return outcome.text


class _Page(HTMLParser):
    """The visible text pieces, the tags and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def values(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


@pytest.mark.parametrize("name", NAMES)
def test_a_template_makes_one_call_for_this_member_and_send_that_braze_may_repeat_from_its_cache(
    name: str,
) -> None:
    fetch = answering(answer_body(realistic_postings()))
    part = _render(name, fetch)
    assert [(call.method, call.url, call.cacheable_s) for call in part.calls] == [
        (
            "GET",
            (
                "https://jobs-api.example.com/v1/members/m%2F1/recommendations"
                "?campaign=weekly-digest&limit=10&lang=ko&send=preview"
            ),
            300,
        )
    ]
    assert fetch.requests[0].headers["Authorization"].startswith("Basic ")


def test_all_parts_call_the_same_url_so_that_they_show_the_same_list() -> None:
    urls = {re.findall(r"connected_content (\S+ \| \S+/\S+ \| \S+)", _source(name))[0] for name in NAMES}
    assert len(urls) == 1


@pytest.mark.parametrize("name", HTML_NAMES)
def test_the_html_shows_every_field_of_every_posting(name: str) -> None:
    page = _Page(_text(name, realistic_postings()))
    for field in (
        "title",
        "company",
        "location",
        "career",
        "education",
        "employment_type",
        "salary",
        "reason",
    ):
        shown = [str(one[field]) for one in realistic_postings() if one[field] is not None]
        assert [piece for piece in page.pieces if piece in shown] != []
        assert set(shown) <= set(page.pieces)
    assert page.open == []


@pytest.mark.parametrize("name", NAMES)
def test_the_html_part_alone_gives_braze_the_exposure(name: str) -> None:
    part = _render(name, answering(answer_body(realistic_postings())))
    assert part.lost_extras == ()
    if name in TEXT_NAMES:
        assert dict(part.extras) == {}
    else:
        assert of_extras(json.dumps(dict(part.extras))) == Exposure(
            RID, "weekly-digest", "personalized", None, 10, tuple(f"p{number}" for number in range(1, 11))
        )


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_the_text_part_reads_as_printed_here(name: str) -> None:
    postings = [realistic_postings()[0], realistic_postings()[3], realistic_postings()[8]]
    assert _text(name, postings) == (
        "[우리잡] 회원님을 위한 추천 공고\n"
        "최근 활동을 바탕으로 골랐어요. 모두 3건이에요.\n"
        "\n"
        "1. 파이썬 백엔드 개발자 (추천 시스템) [D-10]\n"
        "   (주)가온데이터랩\n"
        "   서울 강남구 · 경력 3~5년 · 대졸 · 정규직\n"
        "   연봉 5,000~6,500만원\n"
        "   최근 지원한 공고와 비슷해요\n"
        "   https://www.example.com/postings/p1?rid=aqBdGfU6K_NRfVp3&campaign=weekly-digest&variant=a&position=1\n"
        "\n"
        "2. QA 엔지니어 [상시 채용]\n"
        "   별빛소프트\n"
        "   서울 마포구 · 신입 · 대졸 · 인턴\n"
        "   희망 지역에서 새로 올라온 공고예요\n"
        "   https://www.example.com/postings/p4?rid=aqBdGfU6K_NRfVp3&campaign=weekly-digest&variant=a&position=4\n"
        "\n"
        "3. 데이터 분석가 [D-8]\n"
        "   서해금융정보\n"
        "   신입·경력 · 대졸 · 정규직\n"
        "   회사 내규에 따름\n"
        "   지금 많이 보는 공고예요\n"
        "   https://www.example.com/postings/p9?rid=aqBdGfU6K_NRfVp3&campaign=weekly-digest&variant=a&position=9\n"
        "\n"
        "--\n"
        "우리잡 https://www.example.com/\n"
        "추천 공고 메일 수신에 동의하신 회원님께 보내드려요.\n"
        "(주)우리잡 · 서울특별시 중구 세종대로 110 · 02-000-0000\n"
        "수신 거부(Unsubscribe): https://unsubscribe.invalid/\n"
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("source", "degraded", "headline"),
    [
        ("personalized", None, "회원님을 위한 추천 공고"),
        ("profile", None, "프로필에 맞춰 고른 공고"),
        ("popular", None, "요즘 많이 보는 공고"),
        ("popular", "over_limit", "요즘 많이 보는 공고"),
        ("personalized", "postgres", "지금 지원할 수 있는 공고"),
        ("profile", "deadline", "지금 지원할 수 있는 공고"),
        ("something new", None, "지금 지원할 수 있는 공고"),
    ],
)
def test_the_headline_promises_no_more_than_the_source(
    name: str, source: str, degraded: str | None, headline: str
) -> None:
    text = _text(name, realistic_postings(), source=source, degraded=degraded)
    claims = (
        "회원님을 위한 추천 공고",
        "프로필에 맞춰 고른 공고",
        "요즘 많이 보는 공고",
        "지금 지원할 수 있는 공고",
    )
    assert [claim for claim in claims if claim in text] == [headline]


@pytest.mark.parametrize("name", HTML_NAMES)
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_is_shown_to_the_letter_and_adds_no_markup(name: str, value: str) -> None:
    fields = (
        "title",
        "company",
        "location",
        "career",
        "education",
        "employment_type",
        "salary",
        "reason",
        "deadline_label",
    )
    hostile = _Page(_text(name, [posting(**dict.fromkeys(fields, value))] * 3))
    harmless = _Page(_text(name, [posting()] * 3))
    assert hostile.tags == harmless.tags
    assert [attribute for attribute, _ in hostile.attributes] == [
        attribute for attribute, _ in harmless.attributes
    ]
    assert hostile.pieces.count(value) == 3 * len(fields)
    assert hostile.values("aria-label") == [f"{value} 공고 보기"] * 3
    assert hostile.open == []


@pytest.mark.parametrize("name", TEXT_NAMES)
@pytest.mark.parametrize("value", HOSTILE)
def test_plain_text_shows_hostile_values_to_the_letter_and_unescaped(name: str, value: str) -> None:
    assert _text(name, [posting(title=value)] * 3).count(f"{value} [D-10]\n") == 3


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_a_line_break_in_a_title_makes_no_new_line_in_plain_text(name: str) -> None:
    broken = _text(name, [posting(title="a\nUnsubscribe: http://evil.example\r\nb")] * 3)
    assert broken.count("\n") == _text(name, [posting()] * 3).count("\n")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https://x",
        " javascript:alert(1)",
        "\tjavascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "//evil.example/x",
        "",
        None,
    ],
)
def test_a_url_that_is_not_http_becomes_no_link(name: str, url: str | None) -> None:
    text = _text(name, [posting(url=url)] * 3)
    assert "javascript:" not in text.lower()
    assert "data:text" not in text
    assert "evil" not in text
    if name in HTML_NAMES:
        assert sorted(set(_Page(text).values("href"))) == [
            "https://unsubscribe.invalid/",
            "https://www.example.com/",
        ]
        assert text.count("파이썬 백엔드 개발자 (추천 시스템)</span>") == 3


@pytest.mark.parametrize("name", HTML_NAMES)
def test_a_url_full_of_quotes_stays_inside_its_attribute(name: str) -> None:
    url = "https://www.example.com/?a=1&b=2\"onclick='x'<>"
    assert _Page(_text(name, [posting(url=url)] * 3)).values("href").count(url) == 6


@pytest.mark.parametrize("name", NAMES)
def test_missing_fields_leave_no_separators_badges_or_the_word_null(name: str) -> None:
    empty = posting(**{field: None for field in posting() if field not in {"id", "title"}})
    text = _text(name, [empty] * 3)
    shown = "".join(_Page(text).pieces) if name in HTML_NAMES else text
    body = shown.partition("3건이에요.")[2].partition("추천 공고 메일 수신")[0]
    assert re.findall(r"·|\[\]|\(\)|null|None|nil|공고 보기", body) == []
    assert body.count("파이썬 백엔드 개발자 (추천 시스템)") == 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ({"location"}, "경력 3~5년 · 대졸 · 정규직"),
        ({"career"}, "서울 강남구 · 대졸 · 정규직"),
        ({"education"}, "서울 강남구 · 경력 3~5년 · 정규직"),
        ({"employment_type"}, "서울 강남구 · 경력 3~5년 · 대졸"),
        ({"location", "career", "education"}, "정규직"),
        ({"location", "employment_type"}, "경력 3~5년 · 대졸"),
    ],
)
def test_separators_stand_only_between_fields_that_are_there(name: str, missing: set[str], line: str) -> None:
    text = _text(name, [posting(**dict.fromkeys(missing))] * 3)
    plain = html.unescape(re.sub(r"<[^>]+>", "", text))
    assert [one.strip() for one in plain.splitlines() if "정규직" in one or "대졸" in one] == [line] * 3


@pytest.mark.parametrize("name", HTML_NAMES)
def test_only_a_close_deadline_is_painted_as_one(name: str) -> None:
    days = [0, 3, 4, None]
    text = _text(name, [posting(days_left=left, deadline_label=f"마감 {left}") for left in days])
    assert re.findall(r'class="(soon|tint)" [^>]*>(마감 \w+)<', text) == [
        ("soon", "마감 0"),
        ("soon", "마감 3"),
        ("tint", "마감 4"),
        ("tint", "마감 None"),
    ]


@pytest.mark.parametrize("name", HTML_NAMES)
def test_ten_postings_stay_under_the_size_at_which_gmail_clips(name: str) -> None:
    assert len(_text(name, realistic_postings()).encode()) < GMAIL_CLIPS_AT_BYTES / 2
    longest = [posting(title="가" * 200, company="나" * 200) for _ in range(10)]
    assert len(_text(name, longest).encode()) < GMAIL_CLIPS_AT_BYTES


@pytest.mark.parametrize("name", ["jobs-mail.html", "jobs-mail.txt"])
@pytest.mark.parametrize(
    "fetch",
    [
        pytest.param(answering(answer_body([])), id="0 postings"),
        pytest.param(answering(answer_body(realistic_postings()[:2])), id="2 postings"),
        pytest.param(answering(realistic_postings()), id="an array"),
        pytest.param(answering({"title": "Unauthorized"}, status=401), id="401"),
        pytest.param(answering({}, status=503), id="503"),
        pytest.param(failing(), id="timeout"),
        pytest.param(FakeFetch([CallAnswer(204, b"")]), id="no content"),
    ],
)
def test_the_aborting_templates_send_nothing_when_there_is_too_little_to_send(
    name: str, fetch: FakeFetch
) -> None:
    assert _render(name, fetch).outcome == Aborted(
        "connected-jobs: no usable answer, or fewer than 3 postings"
    )


@pytest.mark.parametrize("name", ["jobs-mail-retry.html", "jobs-mail-retry.txt"])
@pytest.mark.parametrize("failure", ["no complete answer within 2 s", "status 503", "call failed: refused"])
def test_the_retrying_templates_let_braze_retry_a_failed_call(name: str, failure: str) -> None:
    outcome = _render(name, failing(failure)).outcome
    assert isinstance(outcome, WouldBeRetried)
    assert (outcome.failure, outcome.attempts_left) == (failure, 5)


@pytest.mark.parametrize("name", ["jobs-mail-retry.html", "jobs-mail-retry.txt"])
@pytest.mark.parametrize("count", [0, 2])
def test_the_retrying_templates_still_send_no_mail_with_too_few_postings(name: str, count: int) -> None:
    fetch = answering(answer_body(realistic_postings()[:count]))
    assert _render(name, fetch).outcome == Aborted("connected-jobs: fewer than 3 postings")


@pytest.mark.parametrize("extension", ["html", "txt"])
def test_the_two_variants_differ_only_in_their_note_their_call_and_their_abort(extension: str) -> None:
    plain, retrying = (
        _source(f"{name}.{extension}").splitlines() for name in ("jobs-mail", "jobs-mail-retry")
    )
    added = [line[2:] for line in difflib.ndiff(plain, retrying) if line.startswith("+ ")]
    assert [re.findall(r"retried by Braze|:retry|abort_message", line) for line in added] == [
        ["retried by Braze"],
        [":retry"],
        ["abort_message"],
    ]


@pytest.mark.parametrize("name", HTML_NAMES)
def test_every_value_printed_into_html_goes_through_escape(name: str) -> None:
    body = _source(name).partition("<!doctype html>")[2]
    to_output = re.findall(r"\{\{.*?\}\}+", body)
    assert [one for one in to_output if not one.endswith("| escape }}")] == [
        "{{${set_user_to_unsubscribed_url}}}"
    ]
    assert len(to_output) > 20


@pytest.mark.parametrize("name", HTML_NAMES)
def test_the_mail_needs_no_image_script_font_or_stylesheet_from_anywhere(name: str) -> None:
    page = _Page(_text(name, realistic_postings()))
    assert {"img", "script", "link", "iframe", "form", "svg"} & set(page.tags) == set()
    assert page.values("src") == []
    assert set(page.values("role")) == {"presentation"}
    assert page.tags.count("table") == len(page.values("role"))
