"""Every option of connected_content, and every way to get one wrong."""

import pytest

from app.braze.call_options import CallOptions, parse_options
from app.braze.errors import TemplateError

URL = "https://jobs.example.com/x"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (URL, CallOptions(url=URL)),
        (f"{URL} :save jobs", CallOptions(url=URL, save="jobs")),
        (f"{URL} :retry", CallOptions(url=URL, retry=True)),
        (f"{URL} :retry :save jobs", CallOptions(url=URL, retry=True, save="jobs")),
        (f"{URL}\n  :save jobs\n  :no_cache", CallOptions(url=URL, save="jobs", no_cache=True)),
        (f"{URL} :basic_auth my_credential", CallOptions(url=URL, basic_auth="my_credential")),
        (f"{URL} :auth_credentials token", CallOptions(url=URL, auth_credentials="token")),
        (f"{URL} :cache_max_age 300", CallOptions(url=URL, cache_max_age_s=300)),
        (f"{URL} :cache_max_age 14400", CallOptions(url=URL, cache_max_age_s=14_400)),
        (f"{URL} :method post", CallOptions(url=URL, method="POST")),
        (f"{URL} :method GET", CallOptions(url=URL, method="GET")),
        (f"{URL} :content_type application/json", CallOptions(url=URL, content_type="application/json")),
        (
            f"{URL} :method post :body a=1&b={{{{ x | url_param_escape }}}} :save y",
            CallOptions(url=URL, method="POST", body="a=1&b={{ x | url_param_escape }}", save="y"),
        ),
        (
            f'{URL} :method post :body {{"id":"{{{{${{user_id}}}}}}"}}',
            CallOptions(url=URL, method="POST", body='{"id":"{{${user_id}}}"}'),
        ),
        (
            f'{URL} :headers {{ "X-A": "{{{{${{user_id}}}}}}", "X-B": "a }} b" }} :save jobs',
            CallOptions(url=URL, headers='{ "X-A": "{{${user_id}}}", "X-B": "a } b" }', save="jobs"),
        ),
        (f"{URL} :headers {{{{ captured }}}}", CallOptions(url=URL, headers="{{ captured }}")),
        (
            "https://h/{{${user_id} | url_param_escape}}/r?send={{campaign.${dispatch_id}}} :save jobs",
            CallOptions(
                url="https://h/{{${user_id} | url_param_escape}}/r?send={{campaign.${dispatch_id}}}",
                save="jobs",
            ),
        ),
    ],
)
def test_an_option_is_read_as_written(text: str, options: CallOptions) -> None:
    assert parse_options(text) == options


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "connected_content needs a URL first: {% connected_content https://... :save jobs %}."),
        (
            ":save jobs",
            "connected_content needs a URL first: {% connected_content https://... :save jobs %}.",
        ),
        (
            f"{URL} :timeout 5",
            (
                "connected_content has no option :timeout; Braze knows :auth_credentials, :basic_auth, :body, "
                ":cache_max_age, :content_type, :headers, :method, :no_cache, :rerender, :retry, :save."
            ),
        ),
        (f"{URL} :save a :save b", "connected_content has the option :save twice; keep one."),
        (f"{URL} :retry :retry", "connected_content has the option :retry twice; keep one."),
        (
            f"{URL} jobs",
            "connected_content can't place 'jobs': options start with a colon and URLs hold no spaces.",
        ),
        (
            f"{URL} :retry 3",
            "connected_content can't place '3': options start with a colon and URLs hold no spaces.",
        ),
        (
            f'{URL} :method post :body {{"a": 1}}',
            "connected_content can't place '1}': an inline :body may hold no spaces; capture it and pass {{name}}.",
        ),
        (f"{URL} :save", "connected_content's option :save needs a value after it."),
        (f"{URL} :save :retry", "connected_content's option :save needs a value after it."),
        (
            f"{URL} :headers :retry",
            'connected_content\'s option :headers needs a JSON object such as {"X-Name": "value"} after it.',
        ),
        (
            f"{URL} :save my-jobs",
            "connected_content can't save into 'my-jobs'; a variable's name has letters, digits and _ only.",
        ),
        (f"{URL} :method put", "connected_content can't use :method put; Braze sends get and post only."),
        (
            f"{URL} :cache_max_age 60",
            "connected_content can't use :cache_max_age 60; Braze keeps answers for 300 to 14400 seconds.",
        ),
        (
            f"{URL} :cache_max_age 14401",
            "connected_content can't use :cache_max_age 14401; Braze keeps answers for 300 to 14400 seconds.",
        ),
        (
            f"{URL} :cache_max_age soon",
            "connected_content can't use :cache_max_age soon; Braze keeps answers for 300 to 14400 seconds.",
        ),
        (
            f"{URL} :no_cache :cache_max_age 300",
            "connected_content can't have both :no_cache and :cache_max_age; keep one.",
        ),
        (
            f"{URL} :basic_auth a :auth_credentials b",
            "connected_content can't have both :basic_auth and :auth_credentials; keep one.",
        ),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(TemplateError) as refused:
        parse_options(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("text", "cacheable_s"),
    [
        (URL, 300),
        (f"{URL} :cache_max_age 900", 900),
        (f"{URL} :no_cache", None),
        (f"{URL} :method post", None),
        (f"{URL} :method post :cache_max_age 600", 600),
    ],
)
def test_braze_may_reuse_a_get_for_five_minutes_and_a_post_only_when_told(
    text: str, cacheable_s: int | None
) -> None:
    assert parse_options(text).cacheable_s == cacheable_s
