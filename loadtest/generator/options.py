"""From options to a sender: read the files, check the host. One place for Locust's options and the command's."""

import gc
import os
import resource
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.errors import LoadtestError
from loadtest.generator import target
from loadtest.generator.http_client import HttpClient
from loadtest.generator.sender import Sender

MOST_OPEN_FILES = 65_536


@dataclass(frozen=True, kw_only=True)
class SenderOptions:
    """What a sender is made from; `allow_hosts` are names of hosts that may be loaded besides this machine."""

    host: str | None
    member_file: Path
    credential_file: Path
    allow_hosts: tuple[str, ...] = ()
    ca_file: Path | None = None
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
        headers = target.headers(origin, authorization=authorization)
        client = HttpClient(origin, headers=headers, tls=trusting(self.ca_file))
        return Sender(client=client, members=members, traffic=self.traffic)


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that trusts what this machine does (or SSL_CERT_FILE names), and the authorities in a file of PEM.

    Raises:
        LoadtestError: the file cannot be read or holds no certificate.
    """
    tls = ssl.create_default_context()
    if ca_file is None:
        return tls
    try:
        tls.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise LoadtestError(
            f"The file {ca_file} holds no certificate: give --ca-file one that begins -----BEGIN CERTIFICATE-----."
        ) from None
    except OSError as error:
        raise LoadtestError(
            f"The certificate file {ca_file} cannot be read ({error.strerror}): mend --ca-file."
        ) from None
    return tls


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
