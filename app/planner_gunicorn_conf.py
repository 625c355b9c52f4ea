"""How gunicorn runs the planner: one process, a few threads, nothing shared with the service."""

from __future__ import annotations

from app.settings import Settings
from app.web.observability.logs import GUNICORN_LOGGING

wsgi_app = "app.wsgi_planner:started()"
bind = [Settings.from_env().planner_bind]
workers = 1  # what it remembers between calls, it remembers once
worker_class = "gthread"
threads = 8
graceful_timeout = 10
timeout = 60  # a plan of a hundred campaigns is judged in seconds
accesslog = None
logconfig_dict = GUNICORN_LOGGING
control_socket_disable = True  # else gunicorn makes a socket in the home directory
limit_request_line = 4094
limit_request_fields = 50
limit_request_field_size = 8190
