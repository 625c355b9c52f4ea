"""How gunicorn runs the service; `connected-jobs serve` uses it too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gunicorn import glogging
from gunicorn.workers.gthread import ThreadWorker

from app.settings import Settings
from app.web.observability.logs import GUNICORN_LOGGING, log_uncaught
from app.web.observability.metrics_dir import memory_dir, name_metrics_dir, remove_metrics_dir
from app.web.workers.process import most_connections, tune_garbage_collection
from app.web.workers.replacement import worker_replacement

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.http.message import Request
    from gunicorn.workers.base import Worker

_settings = Settings.from_env()
_replacement = worker_replacement()
name_metrics_dir()


class Logger(glogging.Logger):
    """gunicorn's own, which takes any `logconfig_dict` for a wish for access lines.

    It then makes one of each call, at a tenth of a call's CPU time, though nobody asked for it or sees it.
    """

    @property
    def access_log_enabled(self) -> bool:
        """Whether access lines are switched on."""
        return bool(self.cfg.accesslog)


wsgi_app = "app.wsgi:create()"
bind = [_settings.bind]
workers = _settings.workers
worker_class = "app.web.workers.gthread.Worker"  # gthread: keeps slow clients' connections waiting: put nginx before it (docs/nginx.conf)
threads = _settings.threads
preload_app = True  # one copy of code and model in memory, and workers that start within a moment
# Room for all calls of a second: a connection that finds none is tried again after a second, too late for its caller.
# A worker sees those it has in hand, and answers from memory while there are too many (app/runtime/admission.py).
backlog = 256
worker_connections = most_connections(256, beside=_settings.threads + 3 * _settings.connections)
keepalive = 75  # a sender's connections outlive the pauses between its batches
max_requests = 200_000  # whatever leaks slowly ends with its worker
max_requests_jitter = 50_000  # and not all workers at once
graceful_timeout = 10
timeout = 30
worker_tmp_dir = memory_dir()
accesslog = None  # a line a call costs more than the answer; the service samples its own
logger_class = Logger
logconfig_dict = GUNICORN_LOGGING  # its own lines are JSON too
control_socket_disable = True  # else gunicorn makes a socket in the home directory
# Nothing that a proxy says of its caller is read here, so nobody needs to be told apart: to look each peer's address up
# among those trusted, gunicorn's default, parses it at every call.
forwarded_allow_ips = "*"
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
limit_request_line = 4094  # a member id of 200 characters is at most 2,400 bytes, percent-encoded
limit_request_fields = 50
limit_request_field_size = 8190


def when_ready(_server: Arbiter) -> None:
    """Leave what the workers share alone: to look at an object is to copy it."""
    tune_garbage_collection()


def post_worker_init(worker: Worker) -> None:
    """Start the worker's scheduler when its application is loaded, before its first call."""
    from app.wsgi import start_worker  # noqa: PLC0415 - the metrics directory had to be set before

    log_uncaught()
    _replacement.take_over(worker)
    start_worker(
        worker, backlog=partial(_without_thread, worker) if isinstance(worker, ThreadWorker) else None
    )
    tune_garbage_collection()
    _replacement.ready(worker)


def _without_thread(worker: ThreadWorker) -> int:
    """How many calls a worker has in hand that no thread answers yet."""
    idle = len(worker.keepalived_conns) + len(worker.pending_conns)
    return max(0, worker.nr_conns - idle - threads)


def post_request(worker: Worker, _request: Request, _environ: dict[str, object], _response: object) -> None:
    """Have the worker replaced where it is due."""
    _replacement.after_call(worker)


def on_reload(server: Arbiter) -> None:
    """Keep the old workers until the new ones answer."""
    _replacement.begin_reload(server.cfg.workers)


def on_exit(server: Arbiter) -> None:  # noqa: ARG001 - gunicorn calls it with the arbiter
    """Remove the metrics directory if we made it."""
    remove_metrics_dir()
