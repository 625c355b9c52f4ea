"""The gunicorn worker that answers: gthread that survives a lack of file handles and the end of its parent."""

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
WAIT_S = 0.01  # before the next try; the connection stays in the backlog


class Worker(ThreadWorker):
    """gunicorn's gthread worker, except for how an answer is written, a connection it cannot accept, and its master's end."""

    def init_process(self) -> None:
        """Answer calls until the worker ends."""
        settle(self.cfg)
        # The base makes its responses by this name, and takes no other class.
        wsgi.Response = WholeResponse  # type: ignore[misc]
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; without a free file handle or memory, leave it in the backlog for a moment.

        The base would end the worker and the calls it is answering. To make room, the connection idle for longest is
        closed.
        """
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            if self.keepalived_conns:
                self.keepalived_conns[0].timeout = 0.0  # gunicorn closes it at its next check
            time.sleep(WAIT_S)

    def is_parent_alive(self) -> bool:
        """Whether gunicorn's master process is alive; without it the worker finishes its calls and ends.

        It closes the listening socket at once, and kept-alive connections after their next answer. The base keeps both
        open for the graceful timeout, during which no other gunicorn could listen.
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
