"""Log lines: what is in them, what is not, and how many there are."""

from __future__ import annotations

import json
import logging
import logging.config
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn.glogging import CONFIG_DEFAULTS

from app.serving.answering import Answer
from app.serving.request import RecommendationRequest, RequestOptions
from app.web.observability.logs import GUNICORN_LOGGING, AccessLog, JsonFormatter, request_id
from tests.unit.serving.fakes import NOW, TODAY

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER = Answer(
    RecommendationRequest("m-1", RequestOptions("weekly", "s", None, 10, "ko")),
    "rid",
    "popular",
    None,
    "miss",
    NOW,
    TODAY,
    [],
)
ENVIRON = {
    "HTTP_X_REQUEST_ID": "r-1",
    "HTTP_AUTHORIZATION": "Basic c2VjcmV0",
    "PATH_INFO": "/v1/members/íì/x",
    "QUERY_STRING": "campaign=weekly&mail=kim@example.com",
    "REMOTE_ADDR": "192.0.2.7",
}


class Lines(logging.Handler):
    """Keeps what is logged as it would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.written: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    handler, log = Lines(), logging.getLogger("connected_jobs")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler.written
    log.removeHandler(handler)


def without(line: dict[str, Any], *names: str) -> dict[str, Any]:
    assert set(names) <= line.keys()
    return {name: value for name, value in line.items() if name not in names}


def test_a_line_of_an_answer_names_the_member_and_nothing_else_of_the_caller(
    lines: list[dict[str, Any]],
) -> None:
    AccessLog(10).log_answer(ANSWER, 0.0123, ENVIRON)
    assert [without(line, "time", "process") for line in lines] == [
        {
            "level": "INFO",
            "logger": "connected_jobs.access",
            "event": "answered",
            "request_id": "r-1",
            "member_id": "m-1",
            "campaign": "weekly",
            "source": "popular",
            "degraded": None,
            "cache": "miss",
            "count": 0,
            "ms": 12.3,
            "lines_skipped": 0,
        }
    ]


def test_a_line_of_a_refusal_has_the_path_without_query_and_credential(lines: list[dict[str, Any]]) -> None:
    path = "/v1/members/회원 1/recommendations"
    AccessLog(10).log_error(401, ENVIRON | {"PATH_INFO": path.encode().decode("latin-1")})
    assert [without(line, "time", "process") for line in lines] == [
        {
            "level": "INFO",
            "logger": "connected_jobs.access",
            "event": "refused",
            "request_id": "r-1",
            "status": 401,
            "path": path,
            "lines_skipped": 0,
        }
    ]


def test_a_second_has_so_many_lines_and_the_next_says_how_many_it_lacks(lines: list[dict[str, Any]]) -> None:
    now_s = 100.0
    log = AccessLog(3, clock=lambda: now_s)
    for _ in range(10):
        log.log_answer(ANSWER, 0.01, ENVIRON)
        log.log_error(400, ENVIRON)
    assert [line["lines_skipped"] for line in lines] == [0, 0, 0]
    now_s = 101.0
    log.log_answer(ANSWER, 0.01, ENVIRON)
    assert [line["lines_skipped"] for line in lines] == [0, 0, 0, 17]


def test_no_lines_may_be_wanted(lines: list[dict[str, Any]]) -> None:
    AccessLog(0).log_answer(ANSWER, 0.01, ENVIRON)
    assert lines == []


@pytest.mark.parametrize("given", ["", "x" * 65, "with\nline break", "한글", "\x1b[31m"])
def test_a_request_id_that_could_spoil_the_log_is_replaced_by_one_of_ours(given: str) -> None:
    made = request_id({"HTTP_X_REQUEST_ID": given})
    assert len(made) == 32
    assert made != request_id({"HTTP_X_REQUEST_ID": given})
    assert request_id({"HTTP_X_REQUEST_ID": "braze-7_x.1"}) == "braze-7_x.1"


def test_a_failure_is_one_line_with_its_traceback(lines: list[dict[str, Any]]) -> None:
    error = ValueError("한글\nand a line break")
    logging.getLogger("connected_jobs").error("failed %s", "here", exc_info=error)
    (line,) = lines
    assert (line["event"], line["level"]) == ("failed here", "ERROR")
    assert line["error"] == "ValueError: 한글\nand a line break"


def test_a_text_that_is_no_utf8_is_logged_all_the_same() -> None:
    record = logging.makeLogRecord({"msg": "no file %s", "args": ("caf\udce9",)})
    assert json.loads(JsonFormatter().format(record))["event"] == "no file caf\\udce9"


def test_gunicorn_takes_our_formatter_and_hands_its_lines_to_the_root() -> None:
    config: dict[str, Any] = CONFIG_DEFAULTS | GUNICORN_LOGGING
    assert set(GUNICORN_LOGGING) <= set(CONFIG_DEFAULTS)
    handlers = config["root"]["handlers"]
    assert [config["handlers"][name]["formatter"] for name in handlers] == list(config["formatters"])
    assert config["formatters"] == {"generic": {"()": "app.web.observability.logs.JsonFormatter"}}
    assert config["loggers"]["gunicorn.error"]["handlers"] == []


UNCAUGHT = """
import threading, warnings
from app.web.observability.logs import configure_logging, log_uncaught
configure_logging()
log_uncaught()
def fail():
    raise RuntimeError("in a thread")
thread = threading.Thread(target=fail, name="watch")
thread.start()
thread.join()
warnings.warn("old ways")
raise RuntimeError("at the end")
"""


def test_what_nobody_caught_is_json_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, timeout=30, check=False
    )
    written = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["event"].split("\n")[0]) for line in written] == [
        ("ERROR", "thread watch ended"),
        ("WARNING", "<string>:11: UserWarning: old ways"),
        ("CRITICAL", "the process ended"),
    ]
    assert [line["error"].splitlines()[-1] for line in written if "error" in line] == [
        "RuntimeError: in a thread",
        "RuntimeError: at the end",
    ]
