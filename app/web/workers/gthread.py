"""The gunicorn worker that answers: gthread, and what it lacks on a bad day."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

from app.web.workers.whole_response import WholeResponse

if TYPE_CHECKING:
    import socket

    from gunicorn.config import Config

NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
WAIT_S = 0.01  # the connection stays in the backlog meanwhile


class Worker(ThreadWorker):
    """As its base, but for what a call costs, a connection that it cannot take, and the end of gunicorn's first process."""

    def init_process(self) -> None:
        """Answer calls until the worker ends."""
        settle(self.cfg)
        # The base makes its responses by this name, and takes no other class.
        wsgi.Response = WholeResponse  # type: ignore[misc]
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, or leave it outside for a moment where neither file handle nor memory is to be had.

        The base would end the worker, and with it the calls that it has in hand. The connection that has been idle
        longest makes room.
        """
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            if self.keepalived_conns:
                self.keepalived_conns[0].timeout = 0.0  # gunicorn closes it when it looks next
            time.sleep(WAIT_S)

    def is_parent_alive(self) -> bool:
        """Whether gunicorn's first process lives; without it the worker answers what it has in hand and ends.

        It gives the address up at once, and kept-alive connections after their next answer: the base keeps both
        for the graceful timeout, and no other gunicorn could listen meanwhile.
        """
        if super().is_parent_alive():
            return True
        self.alive = False
        self.set_accept_enabled(enabled=False)
        for listener in self.sockets:
            listener.close()
        return False


def settle(cfg: Config) -> None:
    """Make the settings plain attributes: they change no more, and gunicorn looks up thirty of them at each call.

    Else each is found by two calls of Python's, together a twelfth of a call's CPU time.
    """
    vars(cfg).update((name, setting.get()) for name, setting in cfg.settings.items())
