"""A rehearsal's record as text."""

from loadtest.rehearsal.record import duration


def test_durations_read_like_durations() -> None:
    assert [duration(seconds) for seconds in (None, 59, 600, 3661)] == [
        "never",
        "0 min 59 s",
        "10 min 00 s",
        "1 h 01 min 01 s",
    ]
