"""The published templates as the preview page renders and copies them."""

from typing import Literal

import pytest

from app.braze.calls import StoredCredential
from app.braze.errors import TemplateError
from app.braze.mails import Mails
from tests.unit.braze.answers import TEMPLATES, FakeFetch, answer_body, answering, failing, realistic_postings


def mails(fetch: FakeFetch, public_host: str | None = None) -> Mails:
    return Mails(
        base_url="http://127.0.0.1:8080",
        credential=StoredCredential("preview", "secret"),
        public_host=public_host,
        folder=TEMPLATES,
        fetch=fetch,
    )


def full() -> FakeFetch:
    return answering(answer_body(realistic_postings()))


def test_the_templates_are_those_of_the_folder() -> None:
    assert mails(full()).templates() == ["jobs-mail", "jobs-mail-retry"]


@pytest.mark.parametrize("part", ["html", "txt"])
def test_liquid_to_copy_names_the_campaign_and_the_host(part: Literal["html", "txt"]) -> None:
    liquid = mails(full(), "jobs.example.org").liquid("jobs-mail", part, campaign="year-end")
    assert "https://jobs.example.org/v1/members/" in liquid
    assert "campaign=year-end" in liquid
    assert "campaign=weekly-digest" not in liquid


def test_a_template_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(TemplateError, match="there are jobs-mail, jobs-mail-retry"):
        mails(full()).liquid("../x", "html", campaign="weekly-digest")


def test_a_part_is_rendered_by_a_call_of_its_own_for_the_member() -> None:
    fetch = full()
    part = mails(fetch).part("jobs-mail", "txt", member="m/1", campaign="year-end")
    assert (part.outcome, part.reason) == ("rendered", "")
    assert "파이썬 백엔드 개발자" in part.text
    (request,), (call,) = fetch.requests, part.calls
    assert request.url.startswith("http://127.0.0.1:8080/v1/members/m%2F1/recommendations?campaign=year-end")
    assert (call.status, call.failure) == (200, None)
    assert call.body is not None
    assert '"count": 10' in call.body


def test_without_an_answer_the_mail_is_not_sent_or_would_be_retried_and_says_why() -> None:
    aborted = mails(failing()).part("jobs-mail", "html", member="m-1", campaign="c")
    retried = mails(failing()).part("jobs-mail-retry", "html", member="m-1", campaign="c")
    assert (aborted.outcome, retried.outcome) == ("aborted", "would_be_retried")
    assert [call.body for call in (*aborted.calls, *retried.calls)] == [None, None]
    assert aborted.calls[0].failure == "no complete answer within 2 s"
