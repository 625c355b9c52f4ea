"""The planner as its command serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.planner_service import OPERATOR, planner_server
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from pathlib import Path


def test_the_planner_serves_with_gunicorn_beside_nothing_of_the_content_api(
    board_url: str, tmp_path: Path
) -> None:
    with planner_server(board_url, tmp_path) as server:
        listed = call(server.port, "/v1/capacity/campaigns", authorization=OPERATOR).json()
        assert (listed["campaigns"], listed["total"]) == ([], 0)
        asked = call(
            server.port, "/v1/members/m-list/recommendations?campaign=weekly", authorization=basic("braze")
        )
        assert asked.status == 404
        metrics = call(server.port, "/metrics", authorization=basic("prometheus"))
        assert metrics.status == 200
        assert b"cj_planner_campaigns" in metrics.body
        assert b"cj_answers_total" not in metrics.body
