"""Call the service's WSGI application in this process, without a server, and tell as JSON where the CPU time goes.

Samples are taken each time the process has used another few milliseconds of CPU time. A sample belongs to the part of the
innermost frame that lies in one: what json does for Flask is Flask's.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

from gunicorn.util import import_app

SAMPLE_S = 0.001  # the kernel's tick makes it 4 ms on most machines
PARTS = (
    ("app/web/auth", "credential"),
    ("app/web/limits", "limits"),
    ("limits/", "limits"),
    ("flask_limiter/", "limits"),
    ("app/web/parameters", "parameters"),
    ("app/web/instruments", "metrics"),
    ("prometheus_client/", "metrics"),
    ("app/web/", "view"),
    ("app/serving/encode", "encoding"),
    ("app/serving/cards", "cards"),
    ("cachetools/", "cards and caches"),
    ("app/serving/", "answering"),
    ("app/recommend/", "answering"),
    ("sqlalchemy/", "SQLAlchemy"),
    ("psycopg_pool/", "connection pool"),
    ("psycopg_binary/", "psycopg"),
    ("psycopg/", "psycopg"),
    ("app/postgres/", "app.postgres"),
    ("flask/", "Flask"),
    ("werkzeug/", "Werkzeug"),
)


def main(questions: Path, seconds: float) -> dict[str, Any]:
    """Walk the questions for so long, after as many to warm up."""
    conf = runpy.run_path(os.environ["BENCH_GUNICORN_CONF"])
    app = import_app(conf["wsgi_app"])
    conf["post_worker_init"](SimpleNamespace(app=SimpleNamespace(wsgi=lambda: app), max_requests=0))
    paths = questions.read_text(encoding="ascii").splitlines()
    _wait_until_it_answers(app, paths[0])
    at = _walk(app, paths, 0, seconds / 4)
    found: Counter[str] = Counter()
    places: Counter[str] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        part, place = _part(frame)
        found[part] += 1
        places[f"{part}: {place}"] += 1

    signal.signal(signal.SIGPROF, sample)
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
    calls = _walk(app, paths, at, seconds) - at
    signal.setitimer(signal.ITIMER_PROF, 0)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    us_a_sample = cpu_s / calls / sum(found.values()) * 1e6
    return {
        "calls": calls,
        "samples": sum(found.values()),
        "cpu_us_a_call": cpu_s / calls * 1e6,
        "wall_us_a_call": wall_s / calls * 1e6,
        "parts_us": {part: count * us_a_sample for part, count in found.most_common()},
        "places_us": {place: count * us_a_sample for place, count in places.most_common(40)},
    }


def _part(frame: FrameType | None) -> tuple[str, str]:
    innermost = ""
    while frame is not None:
        file = frame.f_code.co_filename
        innermost = innermost or f"{Path(file).name}:{frame.f_code.co_name}"
        for piece, part in PARTS:
            if f"/{piece}" in file:
                return part, innermost
        frame = frame.f_back
    return "this program", innermost


def _wait_until_it_answers(app: Any, path: str) -> None:
    deadline = time.monotonic() + 10.0
    while (status := _call(app, path)) != "200 OK":
        if time.monotonic() > deadline:
            sys.exit(f"The service answers {status}.")
        time.sleep(0.1)


def _walk(app: Any, paths: list[str], at: int, seconds: float) -> int:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        status = _call(app, paths[at % len(paths)])
        if status != "200 OK":
            sys.exit(f"The service answers {status}.")
        at += 1
    return at


def _call(app: Any, path: str) -> str:
    said: list[str] = []
    path_info, _, query = path.partition("?")
    environ = {**_ENVIRON, "PATH_INFO": path_info, "QUERY_STRING": query, "RAW_URI": path}
    answer = app(environ, lambda status, _headers, _error=None: said.append(status))
    b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return said[0]


_ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8080",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "127.0.0.1:8080",
    "HTTP_AUTHORIZATION": os.environ["BENCH_AUTHORIZATION"],
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": None,
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}

if __name__ == "__main__":
    made = main(Path(sys.argv[1]), float(sys.argv[2]))
    sys.stdout.write(json.dumps(made))
    sys.stdout.flush()
    os._exit(0)  # the service's background threads are not ours to end
