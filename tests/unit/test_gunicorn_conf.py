"""gunicorn's values, each with the reason it must not drift from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.web.observability.metrics_dir import memory_dir

CONF = Path(__file__).parents[2] / "app" / "gunicorn_conf.py"
# What docs/decisions/worker-class.md found.
EXPECTED = {
    # Keeps its promises through restarts and recycling; gevent halved the throughput and lost calls in both.
    "worker_class_str": "app.web.workers.gthread.Worker",
    # Code and model once in memory, and a new worker within a moment.
    "preload_app": True,
    # A second's calls: a connection that finds no room is tried again after a second, which is too late.
    "worker_connections": 256,
    "backlog": 256,
    # Longer than nginx keeps its own to us (60 s in docs/nginx.conf): it must not be nginx that finds one closed.
    "keepalive": 75,
    # What leaks ends with its worker.
    "max_requests": 200_000,
    "max_requests_jitter": 50_000,
    # Longer than the longest call, the 2 s that a stopping worker keeps its connections, and a deploy's patience.
    "graceful_timeout": 10,
    # A worker whose main thread hangs; a call that hangs is ended by its own deadline.
    "timeout": 30,
    # Whose thread touches its sign of life here while calls wait: no disk's business.
    "worker_tmp_dir": memory_dir(),
    # A line a call costs more than the answer.
    "accesslog": None,
    # Nothing in anybody's home directory.
    "control_socket_disable": True,
    # Every peer may say what none is asked: no address is looked up, no header is believed.
    "forwarded_allow_ips": ["*"],
    "forwarder_headers": [],
    "secure_scheme_headers": {},
    # A URL of a member's id of 200 characters; nginx passes 4,094 bytes too.
    "limit_request_line": 4094,
    "limit_request_fields": 50,
    "limit_request_field_size": 8190,
}


def read(**settings: str) -> dict[str, object]:
    """What gunicorn takes from the file, read by gunicorn in a process of its own."""
    program = (
        "import json; from gunicorn.app.wsgiapp import WSGIApplication as A;"
        "cfg = A('%(prog)s', prog='gunicorn').cfg;"
        f"names = {[*EXPECTED, 'workers', 'threads', 'address']!r};"
        "print(json.dumps({name: getattr(cfg, name) for name in names}))"
    )
    found: dict[str, object] = json.loads(_printed(program, **settings))
    return found


def _printed(program: str, *arguments: str, **settings: str) -> str:
    """What a program prints that gunicorn's settings file is an argument of."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CJ_", "GUNICORN_"))
    }
    return subprocess.run(
        [sys.executable, "-c", program, "--config", str(CONF), *arguments],
        env=inherited | settings | {"DATABASE_URL": "postgresql:///nowhere"},
        capture_output=True,
        check=True,
        text=True,
        cwd=CONF.parents[1],
    ).stdout


@pytest.fixture(scope="module")
def default() -> dict[str, object]:
    return read()


@pytest.mark.parametrize("name", EXPECTED)
def test_each_value_is_what_was_measured(default: dict[str, object], name: str) -> None:
    assert default[name] == EXPECTED[name]


def test_size_and_address_are_the_settings() -> None:
    found = read(CJ_WORKERS="3", CJ_THREADS="5", CJ_BIND="127.0.0.1:9000")
    assert (found["workers"], found["threads"], found["address"]) == (3, 5, [["127.0.0.1", 9000]])


def test_no_access_line_is_put_together_unless_somebody_asks_for_it() -> None:
    """`logconfig_dict` alone makes gunicorn do so, for nobody to see."""
    program = (
        "from gunicorn.app.wsgiapp import WSGIApplication as A;"
        "cfg = A('%(prog)s', prog='gunicorn').cfg;"
        "print(cfg.logger_class(cfg).access_log_enabled)"
    )
    assert [_printed(program, *asked).strip() for asked in ([], ["--access-logfile", "-"])] == [
        "False",
        "True",
    ]


def test_kept_connections_leave_room_for_calls(default: dict[str, object]) -> None:
    assert isinstance(default["worker_connections"], int)
    assert isinstance(default["threads"], int)
    assert default["worker_connections"] >= 2 * default["threads"]


def test_calls_without_a_thread_are_counted_in_a_worker_of_gunicorns_own() -> None:
    program = (
        "from gunicorn.config import Config; from gunicorn.workers.gthread import ThreadWorker;"
        "from app.gunicorn_conf import _without_thread;"
        "worker = ThreadWorker(0, 0, [], None, 30, Config(), None);"
        "worker.nr_conns = {connections}; worker.keepalived_conns.extend('abc');"
        "worker.pending_conns.extend('de');"
        "print(_without_thread(worker))"
    )
    found = [int(_printed(program.format(connections=number), CJ_THREADS="8")) for number in (20, 9)]
    assert found == [20 - 5 - 8, 0]
