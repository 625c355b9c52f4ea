"""The HTTP client against the stub."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from loadtest.generator.http_client import CutOffError, HttpClient, NoReplyError
from loadtest.generator.target import Origin
from tests.load.conftest import Stub

PATH = "/v1/members/m1/recommendations"


@pytest.fixture
def client(stub: Stub) -> Iterator[HttpClient]:
    """A client of the stub."""
    with closing(
        HttpClient(
            Origin("http", "127.0.0.1", stub.port), headers={"Host": "stub", "Accept-Encoding": "gzip"}
        )
    ) as client:
        yield client


def test_connections_are_kept_and_bodies_come_as_sent(stub: Stub, client: HttpClient) -> None:
    replies = [client.get(PATH, within_s=2) for _ in range(5)]
    assert {(reply.status, reply.gzipped, reply.body[:2]) for reply in replies} == {(200, True, b"\x1f\x8b")}
    seen = stub.tell()["seen"]  # over one of the connections
    assert (seen["connections"], seen["calls"]) == (2, 5)


def test_a_reply_that_does_not_come_in_time_is_cut_off_and_its_connection_dropped(
    stub: Stub, client: HttpClient
) -> None:
    stub.tell("stall_s=5")
    began = time.monotonic()
    with pytest.raises(CutOffError):
        client.get(PATH, within_s=0.2)
    assert 0.15 < time.monotonic() - began < 2
    with pytest.raises(CutOffError):
        client.get(PATH, within_s=0.2)
    assert stub.tell()["seen"]["connections"] == 4  # two of them to tell and to ask


def test_redirects_are_not_followed_and_errors_are_replies(stub: Stub, client: HttpClient) -> None:
    for mode, status in [("redirect", 302), ("status-503", 503), ("status-429", 429)]:
        stub.tell(f"mode={mode}")
        assert client.get(PATH, within_s=2).status == status
    assert stub.tell()["seen"]["calls"] == 3


def test_a_dropped_connection_is_a_failure_that_is_not_repeated(stub: Stub, client: HttpClient) -> None:
    stub.tell("mode=drop")
    with pytest.raises(NoReplyError, match="closed"):
        client.get(PATH, within_s=2)
    assert stub.tell()["seen"]["calls"] == 1


def test_a_connection_that_died_while_it_was_idle_is_replaced(stub: Stub, client: HttpClient) -> None:
    client.get(PATH, within_s=2)
    stub.kill()
    stub.start()
    assert client.get(PATH, within_s=2).status == 200


def test_nobody_there_is_refused(stub: Stub, client: HttpClient) -> None:
    client.get(PATH, within_s=2)
    stub.kill()
    with pytest.raises(NoReplyError, match="refused"):
        client.get(PATH, within_s=2)
    stub.start()
