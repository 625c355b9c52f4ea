"""gunicorn's settings, with counts told every 0.2 s instead of every 2 s: for tests that wait for them."""

from app.gunicorn_conf import *  # noqa: F403 - all of them
from app.serving import send_counts

send_counts.COUNT_EVERY_S = send_counts.FLUSH_EVERY_S = 0.2
