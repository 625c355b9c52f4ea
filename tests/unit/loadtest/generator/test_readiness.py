"""Warming asks nobody twice: what a cache answers says nothing of what a call costs."""

from dataclasses import dataclass, field
from typing import ClassVar

from loadtest.generator.http_client import Reply
from loadtest.generator.readiness import WARMING_CALLS, warm
from loadtest.generator.sender import Sender
from loadtest.generator.target import Origin, Traffic


@dataclass
class Recorder:
    """A service that answers, and remembers whom it was asked for."""

    origin: ClassVar = Origin("http", "127.0.0.1", 8080)
    members: list[str] = field(default_factory=list)

    def get(self, path: str, *, within_s: float) -> Reply:
        """An answer."""
        del within_s
        self.members.append(path.partition("?")[0])
        return Reply(200, b'{"postings": []}', gzipped=False)


def test_each_round_asks_for_members_that_no_round_before_it_asked_for() -> None:
    service = Recorder()
    sender = Sender(client=service, members=("m",), traffic=Traffic())  # type: ignore[arg-type]  # a fake
    rounds = warm(sender, send="s", most_rounds=3)
    assert rounds > 1
    assert len(service.members) == rounds * WARMING_CALLS == len(set(service.members))
