"""Child processes that end with their parent, even when it is killed."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def end_with_parent(signal_number: int) -> Callable[[], None]:
    """Return a function for a child to call first: Linux then sends it the signal when this process ends.

    On other systems it does nothing; an orderly end still stops the child.
    """
    parent_pid = os.getpid()
    prctl = getattr(ctypes.CDLL(None), "prctl", None)

    def request_signal() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent_pid:
            os._exit(1)

    return request_signal
