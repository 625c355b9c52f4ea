"""What a load test found, in words of the pages."""

from flask import Flask

from app.web.pages import evidence_words


def test_a_service_that_became_slower_is_told_as_such_and_not_as_a_rate_that_held() -> None:
    document = {"verdict": {"kind": "unconfirmed", "rps": 50, "bound_by": ["falling"]}, "ended": "finished"}
    with Flask(__name__).test_request_context():
        assert evidence_words.found(document).startswith("The service became slower while it was tested")
        assert evidence_words.lines(["undecided", "latency"]) == "a soak did not decide, answers became slow"
