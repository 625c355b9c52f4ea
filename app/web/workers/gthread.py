"""The gunicorn worker that answers: gthread, and what it lacks on a bad day."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from gunicorn.workers.gthread import ThreadWorker

if TYPE_CHECKING:
    import socket

NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
WAIT_S = 0.01  # the connection stays in the backlog meanwhile


class Worker(ThreadWorker):
    """As its base, but for a connection that it cannot take, and for the end of gunicorn's first process."""

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
