"""What a connected_content tag sends, and what the template sees of every kind of answer."""

import json
from base64 import b64encode
from itertools import count

import pytest

from app.braze.calls import MAX_BYTES, Call, CallAnswer, FetchError, Request, StoredCredential
from app.braze.errors import TemplateError
from app.braze.preview import Aborted, Clocks, PartPreview, Rendered, WouldBeRetried, preview
from tests.unit.braze.answers import FakeFetch, answering, failing

URL = "https://jobs.example.com/v1/x"
TAG = "{% connected_content " + URL + " :save jobs %}"
SHOWN = TAG + "[{{ jobs.name }}|{{ jobs.__http_status_code__ }}]"
CREDENTIAL = StoredCredential("preview", "s3cret")


def _render(template: str, fetch: FakeFetch, *, attempt: int = 1, base_url: str | None = None) -> PartPreview:
    """Render with a clock on which every call takes a quarter of a second."""
    ticks = count(step=0.25)
    return preview(
        template,
        user_id="m/1 가",
        credential=CREDENTIAL,
        base_url=base_url,
        fetch=fetch,
        clocks=Clocks(calls_s=lambda: next(ticks)),
        attempt=attempt,
    )


def _sent(tag: str) -> Request:
    fetch = answering({})
    _render(tag, fetch)
    return fetch.requests[0]


def test_a_get_carries_the_headers_braze_sends() -> None:
    assert _sent(TAG) == Request(
        method="GET",
        url=URL,
        headers={
            "User-Agent": "Braze Sender 7c1d0f5e",
            "X-Braze-Sender-Version": "preview",
            "Accept-Encoding": "gzip",
            "Accept": "*/*",
            "Content-Type": "application/json",
        },
        body=None,
    )


def test_a_post_sends_a_form_by_default() -> None:
    request = _sent(
        "{% connected_content " + URL + " :method post :body id={{${user_id} | url_param_escape}} %}"
    )
    assert (request.method, request.body) == ("POST", b"id=m%2F1%20%EA%B0%80")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Accept"] == "*/*"


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("a=1&b=%EA%B0%80&c=", {"a": "1", "b": "가", "c": ""}),
        ('{"a":[1,2]}', {"a": [1, 2]}),
        ("{{ captured }}", {"who": "m/1 가"}),
    ],
)
def test_a_json_body_is_sent_as_json_even_if_written_as_a_form(body: str, sent: object) -> None:
    capture = '{% capture captured %}{"who": "{{${user_id} | json_escape}}"}{% endcapture %}'
    request = _sent(
        capture
        + "{% connected_content "
        + URL
        + " :method post :content_type application/json :body "
        + body
        + " %}"
    )
    assert request.body is not None
    assert json.loads(request.body) == sent
    assert (request.headers["Content-Type"], request.headers["Accept"]) == ("application/json",) * 2


def test_headers_may_hold_liquid_and_replace_brazes_own_but_for_the_sender_version() -> None:
    request = _sent(
        "{% connected_content " + URL + ' :headers {"X-Member": "{{${user_id}}}", "user-agent": "Mine",'
        ' "accept-encoding": "identity", "X-Braze-Sender-Version": "mine"} %}'
    )
    assert request.headers == {
        "User-Agent": "Mine",
        "X-Braze-Sender-Version": "preview",
        "Accept-Encoding": "identity",
        "Accept": "*/*",
        "Content-Type": "application/json",
        "X-Member": "m/1 가",
    }


@pytest.mark.parametrize(
    ("tag", "authorization"),
    [
        ("{% connected_content " + URL + " :basic_auth any %}", b"preview:s3cret"),
        ("{% connected_content https://joe:p%40ss@jobs.example.com/v1/x %}", b"joe:p@ss"),
        ("{% connected_content https://joe:x@jobs.example.com/ :basic_auth any %}", b"preview:s3cret"),
    ],
)
def test_basic_credentials_come_from_the_option_or_else_from_the_url(tag: str, authorization: bytes) -> None:
    request = _sent(tag)
    assert request.headers["Authorization"] == "Basic " + b64encode(authorization).decode()
    assert "@" not in request.url


def test_auth_credentials_send_a_bearer_token() -> None:
    request = _sent("{% connected_content " + URL + " :auth_credentials any %}")
    assert request.headers["Authorization"] == "Bearer s3cret"


def test_a_credential_braze_does_not_know_aborts_the_message_before_any_call() -> None:
    fetch = answering({})
    part = preview("{% connected_content " + URL + " :basic_auth gone %}x", user_id="m", fetch=fetch)
    assert part == PartPreview(Aborted("connected_content has no credential 'gone'"), ())
    assert fetch.requests == []


def test_a_secret_shows_in_no_repr() -> None:
    assert "s3cret" not in repr(CREDENTIAL)
    assert "Basic" not in repr(_sent("{% connected_content " + URL + " :basic_auth any %}"))


@pytest.mark.parametrize(
    ("written", "base_url", "called"),
    [
        ("https://h.example/v1/x?a=1#frag", None, "https://h.example/v1/x?a=1"),
        ("https://h.example/v1/x?a=1", "http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/x?a=1"),
        ("https://u:p@h.example/v1/x", "http://127.0.0.1:8080/prefix/", "http://127.0.0.1:8080/prefix/v1/x"),
        ("https://h.example/\u00a0v1", None, "https://h.example/v1"),
        ("https://h.example:443/v1", None, "https://h.example:443/v1"),
        (
            "https://h.example/{{${user_id} | url_param_escape}}?n={{campaign.${dispatch_id}}}",
            None,
            "https://h.example/m%2F1%20%EA%B0%80?n=preview",
        ),
    ],
)
def test_the_url_is_called_with_its_liquid_filled_in(written: str, base_url: str | None, called: str) -> None:
    fetch = answering({})
    _render("{% connected_content " + written + " %}", fetch, base_url=base_url)
    assert [request.url for request in fetch.requests] == [called]


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        (
            "connected_content ftp://h/x",
            "connected_content needs a URL that starts with https:// and a host, not 'ftp://h/x'",
        ),
        (
            "connected_content jobs.example.com/x",
            "connected_content needs a URL that starts with https:// and a host, not 'jobs.example.com/x'",
        ),
        (
            "connected_content {{ nothing }}",
            "connected_content needs a URL that starts with https:// and a host, not ''",
        ),
        (
            "connected_content http://127.0.0.1:8080/x",
            "connected_content can't call port 8080; Braze reaches ports 80 and 443 only",
        ),
        (
            "connected_content https://[::1/x",
            "connected_content can't read the URL 'https://[::1/x': Invalid IPv6 URL",
        ),
        (
            'connected_content https://h/x :headers {"A": [1]}',
            'connected_content\'s :headers must be an object of texts: {"X-Name": "value"}',
        ),
        (
            "connected_content https://h/x :headers {'A': 'b'}",
            (
                "connected_content's :headers are no JSON once filled in: "
                "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
            ),
        ),
        ("connected_content https://h/{{ x | shout }}", "there is no filter 'shout'"),
        ("connected_content https://h/{{x", "connected_content can't read '{{x': it is not closed by }}"),
        (
            "connected_content",
            "connected_content needs a URL first: {% connected_content https://... :save jobs %}",
        ),
        (
            "connected_content https://h/ :retries 3",
            (
                "connected_content has no option :retries; Braze knows :auth_credentials, :basic_auth, :body, "
                ":cache_max_age, :content_type, :headers, :method, :no_cache, :rerender, :retry, :save"
            ),
        ),
    ],
)
def test_a_wrong_tag_is_refused_with_its_line(tag: str, sentence: str) -> None:
    fetch = answering({})
    with pytest.raises(TemplateError) as refused:
        _render("first line\n{% " + tag + " %}", fetch)
    assert str(refused.value) == f"Line 2, column 1 of the template: {sentence}."
    assert fetch.requests == []


def test_a_json_object_is_saved_with_its_status() -> None:
    body = json.dumps({"name": "가", "__http_status_code__": 999}).encode()
    part = _render(SHOWN, FakeFetch([CallAnswer(201, body)]))
    call = Call(
        method="GET",
        url=URL,
        status=201,
        duration_s=0.25,
        size_bytes=len(body),
        failure=None,
        cacheable_s=300,
    )
    assert part == PartPreview(Rendered("[가|201]"), (call,))


def test_an_object_without_save_lands_in_connected() -> None:
    template = "{% connected_content " + URL + " %}{{ connected.name }}"
    assert _render(template, answering({"name": "a"})).outcome == Rendered("a")


def test_an_array_is_saved_without_a_status() -> None:
    template = TAG + "{{ jobs[0] }}{{ jobs.size }}[{{ jobs.__http_status_code__ }}]"
    assert _render(template, answering(["a", "b"])).outcome == Rendered("a2[]")


@pytest.mark.parametrize(
    "text", ["<b>plain</b>", "{broken", "[" * 100_000, "", "[NaN]", "[1,]", "\ufeff{}", "[" * 101 + "]" * 101]
)
def test_other_text_replaces_the_tag_and_leaves_the_variable_nil(text: str) -> None:
    part = _render(
        "({% connected_content " + URL + " %}){{ connected }}", FakeFetch([CallAnswer(200, text.encode())])
    )
    assert part.outcome == Rendered(f"({text})")


def test_a_hostile_answer_is_data_and_never_liquid_and_nothing_is_escaped_by_itself() -> None:
    hostile = "{{ 7 }}{% assign jobs = 1 %}<script>"
    assert _render(SHOWN, answering({"name": hostile})).outcome == Rendered(f"[{hostile}|200]")


FAILURES = [
    pytest.param(answering({"name": "x"}, status=404), 404, 13, "status 404", id="404"),
    pytest.param(answering({"name": "x"}, status=429), 429, 13, "status 429", id="429"),
    pytest.param(answering({"name": "x"}, status=500), 500, 13, "status 500", id="500"),
    pytest.param(
        answering({"name": "x"}, status=302),
        302,
        13,
        "redirect 302, which Braze does not follow",
        id="redirect",
    ),
    pytest.param(
        FakeFetch([CallAnswer(200, b'{"name":"' + b"x" * MAX_BYTES + b'"}')]),
        200,
        MAX_BYTES + 11,
        "answer over 1048576 bytes",
        id="too large",
    ),
    pytest.param(
        failing("no complete answer within 2 s"), None, 0, "no complete answer within 2 s", id="timeout"
    ),
    pytest.param(failing("call failed: refused"), None, 0, "call failed: refused", id="no connection"),
]


@pytest.mark.parametrize(("fetch", "status", "size_bytes", "failure"), FAILURES)
def test_without_retry_a_failed_call_gives_nil_and_the_mail_goes_out(
    fetch: FakeFetch, status: int | None, size_bytes: int, failure: str
) -> None:
    call = Call(
        method="GET",
        url=URL,
        status=status,
        duration_s=0.25,
        size_bytes=size_bytes,
        failure=failure,
        cacheable_s=300,
    )
    assert _render(SHOWN, fetch) == PartPreview(Rendered("[|]"), (call,))


@pytest.mark.parametrize(("fetch", "status", "size_bytes", "failure"), FAILURES)
def test_with_retry_a_failed_call_sends_the_message_to_the_back_of_the_queue(
    fetch: FakeFetch, status: int | None, size_bytes: int, failure: str
) -> None:
    part = _render(SHOWN.replace(" %}", " :retry %}", 1), fetch)
    assert part.outcome == WouldBeRetried(URL, failure, attempts_left=5)
    assert [(call.status, call.size_bytes) for call in part.calls] == [(status, size_bytes)]


def test_exactly_one_megabyte_is_still_usable() -> None:
    body = b'{"name":"' + b"x" * (MAX_BYTES - 11) + b'"}'
    part = _render(TAG + "{{ jobs.name.size }}", FakeFetch([CallAnswer(200, body)]))
    assert (len(body), part.outcome) == (MAX_BYTES, Rendered(str(MAX_BYTES - 11)))


@pytest.mark.parametrize(("duration_s", "text"), [(1.99, "[a|200]"), (2.0, "[|]"), (60.0, "[|]")])
def test_an_answer_after_two_seconds_is_too_late_even_if_the_fetch_waited(
    duration_s: float, text: str
) -> None:
    ticks = iter([0.0, duration_s])
    part = preview(
        SHOWN, user_id="m", fetch=answering({"name": "a"}), clocks=Clocks(calls_s=lambda: next(ticks))
    )
    assert part.outcome == Rendered(text)


def test_a_url_with_characters_no_url_may_hold_fails_without_a_call() -> None:
    fetch = answering({"name": "a"})
    part = _render("{% connected_content https://h/{{${user_id}}} :save jobs %}[{{ jobs.name }}]", fetch)
    assert part.outcome == Rendered("[]")
    assert [call.failure for call in part.calls] == [
        "the URL holds characters no URL may hold; print values through | url_param_escape"
    ]
    assert fetch.requests == []


def test_the_sixth_failed_attempt_aborts_the_message() -> None:
    template = SHOWN.replace(" %}", " :retry %}", 1)
    outcomes = [_render(template, failing("status 503"), attempt=attempt).outcome for attempt in range(1, 7)]
    assert outcomes == [
        *(WouldBeRetried(URL, "status 503", attempts_left=left) for left in (5, 4, 3, 2, 1)),
        Aborted("connected_content failed in all 6 attempts: status 503"),
    ]


def test_a_retry_that_succeeds_renders_the_message() -> None:
    assert _render(
        SHOWN.replace(" %}", " :retry %}", 1), answering({"name": "a"}), attempt=6
    ).outcome == Rendered("[a|200]")


@pytest.mark.parametrize(
    "condition", ["jobs.__http_status_code__ != 200", "jobs == nil", "jobs.name == blank"]
)
def test_abort_on_a_failed_call_takes_precedence_over_its_retry(condition: str) -> None:
    abort = "{% if " + condition + " %}{% abort_message('no jobs') %}{% endif %}"
    retrying = TAG.replace(" %}", " :retry %}") + abort
    assert _render(retrying, failing()).outcome == Aborted("no jobs", prevented_retry=True)
    assert _render(TAG + abort, answering({"name": "a"})).outcome == Rendered("")


def test_abort_on_another_condition_leaves_the_retry_alone() -> None:
    abort = (
        "{% if jobs.__http_status_code__ == 200 and jobs.count < 3 %}{% abort_message('few') %}{% endif %}"
    )
    retrying = TAG.replace(" %}", " :retry %}") + abort
    assert _render(retrying, failing("status 500")).outcome == WouldBeRetried(
        URL, "status 500", attempts_left=5
    )
    assert _render(retrying, answering({"count": 2})).outcome == Aborted("few")
    assert _render(retrying, answering({"count": 3})).outcome == Rendered("")


def test_nil_is_neither_more_nor_less_than_a_number() -> None:
    template = TAG + "{% if jobs.count < 3 or jobs.count >= 3 %}number{% else %}nil{% endif %}"
    assert _render(template, failing()).outcome == Rendered("nil")


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("abort_message('too few')", "too few"),
        ('abort_message("too few")', "too few"),
        ("abort_message( '적어요' )", "적어요"),
        ("abort_message()", None),
        ("abort_message('')", None),
        ("abort_message", None),
        ("abort_message ()", None),
        ("abort_message ('too few')", "too few"),
        ("abort_message 'too few'", "too few"),
        ("abort_message('it's late')", "it's late"),
    ],
)
def test_abort_message_ends_the_message_with_its_reason(tag: str, reason: str | None) -> None:
    assert _render("a{% " + tag + " %}" + TAG, answering({})) == PartPreview(Aborted(reason), ())


@pytest.mark.parametrize("tag", ["abort_message('a'", "abort_message few) ways", "abort_message('a') now"])
def test_an_abort_message_nobody_could_read_is_refused(tag: str) -> None:
    with pytest.raises(TemplateError) as refused:
        _render("{% " + tag + " %}", answering({}))
    assert str(refused.value) == (
        "Line 1, column 1 of the template: abort_message takes one text in quotes and parentheses: "
        "{% abort_message('reason') %}."
    )


def test_an_abort_in_a_branch_not_taken_does_nothing() -> None:
    assert _render("{% if false %}{% abort_message() %}{% endif %}x", answering({})).outcome == Rendered("x")


def test_a_saved_variable_is_unknown_in_the_next_part() -> None:
    fetch = answering({"name": "a"})
    html, text = _render(SHOWN, fetch), _render("[{{ jobs.name }}]", fetch)
    assert (html.outcome, text.outcome) == (Rendered("[a|200]"), Rendered("[]"))
    assert (len(html.calls), len(text.calls)) == (1, 0)


def test_every_tag_calls_for_itself_in_order_even_with_the_same_url() -> None:
    fetch = FakeFetch(
        [CallAnswer(200, b'{"name":"a"}'), FetchError("status 503"), CallAnswer(200, b'{"name":"c"}')]
    )
    part = _render(SHOWN * 3, fetch)
    assert part.outcome == Rendered("[a|200][|][c|200]")
    assert [call.failure for call in part.calls] == [None, "status 503", None]


def test_a_second_call_may_use_what_the_first_one_saved() -> None:
    fetch = answering({"name": "t&1"})
    _render(TAG + "{% connected_content https://h/{{ jobs.name | url_param_escape }} %}", fetch)
    assert [request.url for request in fetch.requests] == [URL, "https://h/t%261"]


def test_the_first_of_two_failed_retry_calls_is_reported() -> None:
    fetch = FakeFetch([FetchError("first"), FetchError("second")])
    assert _render(TAG.replace(" %}", " :retry %}") * 2, fetch).outcome == WouldBeRetried(URL, "first", 5)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Hi {{${user_id}}}, {{ 1 | plus: 1 }}", "Hi m/1 가, 2"),
        ('{"name": "{{${user_id} | json_escape}}"}', "[m/1 가|200]"),
        ('{"name": "{{ \'"\' }}"}', '{"name": """}'),
        ("{% connected_content https://h/ %}", "{% connected_content https://h/ %}"),
        ("{% catalog_items games 1 %}x", "{% catalog_items games 1 %}x"),
        ("{% if %}", "{% if %}"),
        ("{{ broken", "{{ broken"),
    ],
)
def test_rerender_fills_in_the_answers_own_liquid_one_level_deep(body: str, text: str) -> None:
    template = (
        TAG.replace(" %}", " :rerender %}")
        + "{% if jobs.name %}[{{ jobs.name }}|{{ jobs.__http_status_code__ }}]{% endif %}"
    )
    assert _render(template, FakeFetch([CallAnswer(200, body.encode())])).outcome == Rendered(text)


@pytest.mark.parametrize(
    ("body", "text"),
    [("3", "3"), ('"a"', "a"), ("null", ""), ("true", "true"), ("[1,2]", "12"), ("1e400", "Infinity")],
)
def test_json_without_an_object_is_saved_without_a_status(body: str, text: str) -> None:
    template = TAG + "{{ jobs }}[{{ jobs.__http_status_code__ }}]"
    assert _render(template, FakeFetch([CallAnswer(200, body.encode())])).outcome == Rendered(f"{text}[]")


def test_a_text_that_was_to_be_saved_is_printed_and_said() -> None:
    part = _render(TAG + "[{{ jobs }}]", FakeFetch([CallAnswer(200, b"token-1")]))
    assert part.outcome == Rendered("token-1[]")
    assert part.notes == (
        "Line 1, column 1 of the template: the answer is no JSON, so it is printed here and 'jobs' stays empty.",
    )


def test_half_a_character_in_an_answer_is_no_json_and_harms_nothing() -> None:
    part = _render(TAG, FakeFetch([CallAnswer(200, b'{"name": "\\ud800"}')]))
    assert part.outcome == Rendered('{"name": "\\ud800"}')


@pytest.mark.parametrize(
    ("tag", "url"),
    [
        (
            "connected_content https://h/?l=${language}&u={{${user_id} | url_param_escape}}",
            "https://h/?l=ko&u=m%2F1%20%EA%B0%80",
        ),
        ("connected_content https://h/?c=campaign.${dispatch_id}", "https://h/?c=preview"),
        ("connected_content https://h/?x={{ 'a' | append: {{${language}}} }}", "https://h/?x=ako"),
    ],
)
def test_references_in_a_url_need_no_braces_and_may_hold_others(tag: str, url: str) -> None:
    fetch = answering({})
    preview("{% " + tag + " %}", user_id="m/1 가", attributes={"language": "ko"}, fetch=fetch)
    assert [request.url for request in fetch.requests] == [url]


def test_a_body_with_a_get_is_sent_and_said() -> None:
    fetch = answering({})
    part = _render("{% connected_content " + URL + " :body a=1 %}", fetch)
    assert (fetch.requests[0].method, fetch.requests[0].body) == ("GET", b"a=1")
    assert ":method post only" in part.notes[0]


def test_the_name_of_a_credential_may_hold_liquid() -> None:
    fetch = answering({})
    _render("{% connected_content " + URL + " :basic_auth {{ 'a' }} %}", fetch)
    assert fetch.requests[0].headers["Authorization"].startswith("Basic ")
