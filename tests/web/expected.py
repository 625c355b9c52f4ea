"""What answers on the fixed board look like, written out."""

from __future__ import annotations

from typing import Any

from app.recommend.reasons import Reason
from app.serving.labels import SENTENCES

ANSWER_HEADERS = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}
PROBLEM_HEADERS = {"content-type": "application/problem+json", "cache-control": "no-store"}
CHALLENGE_HEADERS = PROBLEM_HEADERS | {
    "www-authenticate": 'Basic realm="connected-jobs", charset="UTF-8", Bearer realm="connected-jobs"'
}
METHOD_HEADERS = PROBLEM_HEADERS | {"allow": "GET, HEAD, OPTIONS"}

_POSTINGS: dict[str, dict[str, Any]] = {
    "p-before": {"title": "지난달에 지원한 공고", "company": "외길", "location": "서울 강남구"},
    "p-12": {"title": "모든 직무", "company": "외길", "location": "전국"},
}


def answer(
    rid: str,
    *,
    posting_id: str = "p-before",
    source: str = "popular",
    reason: Reason = Reason.POPULAR,
    campaign: str = "weekly",
) -> dict[str, Any]:
    """The whole answer with one posting that says little of itself."""
    return {
        "recommendation_id": rid,
        "campaign": campaign,
        "variant": None,
        "arm": None,
        "source": source,
        "degraded": None,
        "count": 1,
        "generated_at": "2025-01-15T01:00:00Z",
        "postings": [
            {
                "id": posting_id,
                **_POSTINGS[posting_id],
                "career": "경력무관",
                "education": None,
                "employment_type": "정규직",
                "salary": None,
                "deadline": None,
                "days_left": None,
                "deadline_label": "채용 시 마감",
                "url": f"https://jobs.example/{posting_id}?rid={rid}&campaign={campaign}&position=1",
                "reason": SENTENCES["ko"][reason],
                "reason_code": reason.code,
            }
        ],
        "exposure": f"v1|{rid}|{campaign}|{source}||1|{posting_id}",
    }


def problem(status: int, title: str, detail: str, parameter: str | None = None) -> dict[str, Any]:
    """A whole problem object."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return body if parameter is None else body | {"parameter": parameter}


def invalid(parameter: str, detail: str) -> dict[str, Any]:
    """A parameter that does not fit."""
    return problem(400, "Invalid parameter", detail, parameter)


NOT_FOUND = problem(404, "Not Found", "There is nothing at this path; the API is described at /openapi.json.")
NOT_ALLOWED = problem(
    405,
    "Method Not Allowed",
    "This path does not take that method; the Allow header names those it takes.",
)
NO_CREDENTIAL = problem(
    401,
    "Unauthorized",
    "Send a credential: HTTP Basic with its name and secret, or Authorization: Bearer with the secret.",
)
BAD_CREDENTIAL = problem(
    401,
    "Unauthorized",
    "The credential is not valid here: check the name and secret, or whether it was revoked.",
)


def wrong_scope(scope: str, needed: str) -> dict[str, Any]:
    """A good credential for something else."""
    return problem(403, "Forbidden", f"This credential has the scope {scope}; this path needs {needed}.")
