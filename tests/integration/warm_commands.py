"""Commands of ours, forked from a process that has imported their modules: imports are most of what a short one costs.

As a program it is that process: `python -m tests.integration.warm_commands SOCKET`. It writes a line when it listens.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
REAL = ROOT / ".venv/bin/connected-jobs"
# A server is stopped by a signal and replaces itself by gunicorn: it starts as it does elsewhere.
LAUNCHER = """#!/bin/sh
case "$1" in serve|planner|demo) exec {real} "$@";; esac
exec {python} -I -S {client} {address} "$@"
"""
CLIENT = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    told = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(told).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(told)
    sys.exit(int(server.recv(8) or b"70"))
"""


@contextmanager
def warm_commands(folder: Path) -> Iterator[None]:
    """Put a `connected-jobs` into a folder that is forked as long as the block runs; it does what the installed one does."""
    address = folder / "commands.sock"
    client = folder / "connected-jobs-client"
    client.write_text(CLIENT, encoding="utf-8")
    launcher = folder / "connected-jobs"
    launcher.write_text(
        LAUNCHER.format(real=REAL, python=sys.executable, client=client, address=address), encoding="utf-8"
    )
    launcher.chmod(0o755)
    command = [sys.executable, "-m", "tests.integration.warm_commands", str(address)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def serve(address: str) -> None:
    """Answer each connection by a command in a process of its own, and with its exit code."""
    from app.cli.main import commands, main  # noqa: PLC0415 - only the serving process runs them

    import_module("sqlalchemy.dialects.postgresql.psycopg")
    for name in commands.list_commands(None):  # type: ignore[arg-type] # it asks nothing of its context
        commands.get_command(None, name)  # type: ignore[arg-type] # same
    gc.freeze()  # a collection in a child would copy every page
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for a command
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        os.write(1, b"ready\n")
        while True:
            caller, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _answer(caller)
                _end_with(main)
            caller.close()


def _answer(caller: socket.socket) -> None:
    """Become the caller's command, in a process whose parent tells the caller how it ended; returns in the command alone."""
    head, streams, _, _ = socket.recv_fds(caller, 8, 3)
    told = b""
    while len(told) < int.from_bytes(head, "big"):
        told += caller.recv(65_536)
    arguments, folder, environment = json.loads(told)
    if command := os.fork():
        _, status = os.waitpid(command, 0)
        caller.sendall(str(os.waitstatus_to_exitcode(status) & 0xFF).encode())
        os._exit(0)
    caller.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["connected-jobs", *arguments]


def _end_with(main: Callable[[], None]) -> NoReturn:
    """End as the interpreter does, but for taking down every module that was imported: that takes longer than most commands."""
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter shows it
        sys.excepthook(*sys.exc_info())
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve(sys.argv[1])
