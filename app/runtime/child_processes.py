"""Processes of ours end when we do, even when we are killed."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def end_with_parent(signal_number: int) -> Callable[[], None]:
    """What a child calls first, to be sent a signal by Linux when its parent, this process, is gone.

    Elsewhere it does nothing: an orderly end still stops the child.
    """
    parent_pid = os.getpid()
    prctl = getattr(ctypes.CDLL(None), "prctl", None)

    def ask() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent_pid:
            os._exit(1)

    return ask
