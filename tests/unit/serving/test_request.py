"""What names a request."""

from __future__ import annotations

from app.serving.request import RecommendationRequest, RequestOptions, recommendation_id


def test_the_id_of_a_question_to_a_run_never_changes() -> None:
    """It stands in mails that were sent: a release that changed it would break every click of the last."""
    asked = RecommendationRequest("회원/1", RequestOptions("weekly-digest", "2025-01-15", "b", 10, "ko"))
    assert recommendation_id(asked, 7) == "uGk3wxoUmjMJQVRw"
    others = [
        recommendation_id(asked, 8),
        *(
            recommendation_id(RecommendationRequest(member_id, RequestOptions(*options)), 7)
            for member_id, options in [
                ("회원/2", ("weekly-digest", "2025-01-15", "b", 10, "ko")),
                ("회원/1", ("weekly", "2025-01-15", "b", 10, "ko")),
                ("회원/1", ("weekly-digest", "2025-01-16", "b", 10, "ko")),
                ("회원/1", ("weekly-digest", "2025-01-15", None, 10, "ko")),
                ("회원/1", ("weekly-digest", "2025-01-15", "b", 9, "ko")),
                ("회원/1", ("weekly-digest", "2025-01-15", "b", 10, "en")),
            ]
        ),
    ]
    assert len({"uGk3wxoUmjMJQVRw", *others}) == 8
