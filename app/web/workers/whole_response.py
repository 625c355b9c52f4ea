"""gunicorn's response, its head and body in one write."""

from __future__ import annotations

from gunicorn import util
from gunicorn.http import wsgi

_OK = 200


class WholeResponse(wsgi.Response):
    """As its base, but the body of a GET that comes whole leaves together with its head.

    The base writes the head first: one more system call, packet and wait for the interpreter's lock at each call.
    """

    def write(self, arg: bytes) -> None:
        """Write a piece of the body, behind the head where that has not been written."""
        is_whole = len(arg) == self.response_length and self.status_code == _OK and self.req.method == "GET"
        if self.headers_sent or not is_whole:
            super().write(arg)
            return
        head = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
        whole = "".join(head).encode("latin-1") + arg
        # Noted before it is done: behind a write that broke off no other head may follow.
        self.headers_sent, self.sent = True, len(arg)
        util.write(self.sock, whole)
