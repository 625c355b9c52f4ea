"""From options to a sender: read the files, check the host. One place for Locust's options and the command's."""

import gc
import os
import resource
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadtest import target
from loadtest.sender import Sender
from loadtest.wire import Wire

MOST_OPEN_FILES = 65_536


@dataclass(frozen=True, kw_only=True)
class SenderOptions:
    """What a sender needs to be told; `allow_hosts` are host names."""

    host: str | None
    member_file: Path
    credential_file: Path
    allow_hosts: tuple[str, ...] = ()
    traffic: target.Traffic = field(default_factory=target.Traffic)
    seed: int = 1

    def origin(self, environ: Mapping[str, str] = os.environ) -> target.Origin:
        """The checked host."""
        return target.allowed_origin(self.host, allowed=allowed_hosts(self.allow_hosts, environ=environ))

    def sender(self) -> Sender:
        """Read the files and make the sender.

        Raises:
            LoadtestError: a file or the host is not right.
        """
        origin = self.origin()
        authorization = target.read_authorization(self.credential_file)
        members = target.read_members(self.member_file, seed=self.seed)
        raise_open_files()
        # A collection that walks a million member ids would stop the sender for tens of milliseconds.
        gc.collect()
        gc.freeze()
        wire = Wire(origin, headers=target.headers(origin, authorization=authorization))
        return Sender(wire=wire, members=members, traffic=self.traffic)


def allowed_hosts(named: tuple[str, ...], *, environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Host names allowed by option and by environment, beside this machine."""
    listed = environ.get(target.ALLOWED_HOSTS_VARIABLE, "")
    return frozenset(named) | {name.strip() for name in listed.split(",") if name.strip()}


def raise_open_files(most: int = MOST_OPEN_FILES) -> None:
    """Let this process open as many sockets as the system allows it: in an overload every call in flight needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def new_send_name() -> str:
    """A name for one send that no other run has had."""
    return f"loadtest-{secrets.token_hex(4)}"
