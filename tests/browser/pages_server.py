"""The planner's application on a port of its own, in a thread of the test's process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: object) -> None:
        """Requests of a test are nobody's news."""


@contextmanager
def served(application: WSGIApplication) -> Iterator[str]:
    """Serve an application on loopback; yields its address."""
    server = make_server("127.0.0.1", 0, _whole(application), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _whole(application: WSGIApplication) -> WSGIApplication:
    """Read each response before it is sent: this server leaves a file open where a browser goes away meanwhile."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        pieces = application(environ, start_response)
        try:
            return [b"".join(pieces)]
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    return answer
