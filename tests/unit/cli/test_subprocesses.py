"""A command that is asked to end does, whatever it was at, and is left to tidy up."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAD = """
import os, signal, time
from app.cli.subprocesses import stop_on_signals
"""
DROPPED = """
class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(1_000):  # the interrupt comes here, where Python drops it
            pass

with stop_on_signals():
    Deaf()
    time.sleep(30)
    print("was not interrupted")
print("ended")
"""
TIDYING = """
with stop_on_signals():
    try:
        os.kill(os.getpid(), signal.{name})
        time.sleep(30)
    finally:
        time.sleep(1.5)
        print("tidied up")
print("ended")
"""


@pytest.mark.parametrize(
    ("program", "name", "printed"),
    [(DROPPED, "SIGINT", "ended\n"), (TIDYING, "SIGTERM", "tidied up\nended\n")],
    ids=["after one that Python dropped", "while it tidies up"],
)
def test_an_end_that_is_asked_for_comes_once(program: str, name: str, printed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HEAD + program.format(name=name)],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert ran.stdout == printed
