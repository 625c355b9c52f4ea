"""What the caller's own machine did to a call is not laid at the service's door."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.hostile.sends import Heard, Sends


def sends() -> Sends:
    return Sends(1, authorization="", members=["m"], messages_per_s=1.0, seed=1)


@pytest.mark.parametrize(
    ("at", "took_s", "own_s"), [(9.0, 3.0, 2.5), (11.0, 0.5, 0.5), (9.0, 0.4, 0.0), (12.9, 9.0, 0.2)]
)
def test_the_caller_stood_still_for_so_much_of_a_call(at: float, took_s: float, own_s: float) -> None:
    calling = sends()
    calling.pauses = [(9.5, 11.8), (12.0, 12.0), (11.8, 12.0), (13.0, 13.2)]
    assert calling.own_s(Heard(at, took_s, "m", "send")) == pytest.approx(own_s)


def test_a_caller_notes_when_it_did_not_run() -> None:
    async def held_up(calling: Sends) -> None:
        noting = asyncio.ensure_future(calling.note_pauses())
        await asyncio.sleep(0.05)
        time.sleep(0.3)  # noqa: ASYNC251 - what another program does to this one
        await asyncio.sleep(0.05)
        noting.cancel()

    calling = sends()
    asyncio.run(held_up(calling))
    assert calling.pauses
