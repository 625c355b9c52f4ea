"""People's clicks are told from scanners'."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.feedback.persons import BURST, BURST_S, MANY_LINKS, TOO_SOON, MessageClick, scanner_reasons

SENT = 1_764_500_000
CLICKS = st.builds(
    MessageClick,
    at=st.integers(SENT - 5, SENT + 60),
    link=st.sampled_from("abcdef"),
    suspected=st.sampled_from([None, (), ("user_agent",)]),
    sent_at=st.sampled_from([None, SENT]),
)


def many(*, after: tuple[int, ...], links: str, sent_at: int | None = SENT) -> list[MessageClick]:
    return [
        MessageClick(at=SENT + second, link=link, sent_at=sent_at)
        for second, link in zip(after, links, strict=True)
    ]


def test_a_reader_is_a_person() -> None:
    assert scanner_reasons(many(after=(60, 75, 300), links="abc")) == [None, None, None]


def test_four_links_within_ten_seconds_are_a_burst_and_a_later_click_of_the_same_mail_is_not() -> None:
    clicks = many(after=(60, 62, 65, 70, 3_600), links="abcda")
    assert scanner_reasons(clicks) == [BURST, BURST, BURST, BURST, None]


def test_a_burst_is_known_in_whatever_second_it_begins() -> None:
    clicks = many(after=(50, 61, 64, 67, 71), links="abcde")
    assert scanner_reasons(clicks) == [None, BURST, BURST, BURST, BURST]


def test_four_links_in_eleven_seconds_are_no_burst() -> None:
    assert scanner_reasons(many(after=(60, 64, 68, 71), links="abcd")) == [None] * 4


def test_one_link_many_times_is_no_burst() -> None:
    assert scanner_reasons(many(after=(60, 60, 60, 61, 61), links="aaaab")) == [None] * 5


def test_what_comes_as_the_mail_is_sent_is_too_soon() -> None:
    assert scanner_reasons(many(after=(-1, 0, 1, 2), links="aaaa")) == [TOO_SOON, TOO_SOON, TOO_SOON, None]
    assert scanner_reasons(many(after=(0,), links="a", sent_at=None)) == [None]


@pytest.mark.parametrize("nothing", [None, ()])
def test_that_braze_says_nothing_keeps_our_rules_in_force(nothing: tuple[str, ...] | None) -> None:
    clicks = [MessageClick(at=SENT + 60, link=link, suspected=nothing) for link in "abcd"]
    assert scanner_reasons(clicks) == [BURST] * 4


def test_brazes_reason_goes_first_and_is_named() -> None:
    clicks = [MessageClick(at=SENT, link="a", suspected=("user_agent", "ip_address"), sent_at=SENT)]
    assert scanner_reasons(clicks) == ["flagged:ip_address"]


@given(st.lists(CLICKS, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_clicks_changes_nothing_and_the_rule_is_its_words(
    clicks: list[MessageClick], random: Random
) -> None:
    reasons = scanner_reasons(clicks)
    order = list(range(len(clicks)))
    random.shuffle(order)
    assert scanner_reasons([clicks[place] for place in order]) == [reasons[place] for place in order]
    for click, reason in zip(clicks, reasons, strict=True):
        windows = [
            {other.link for other in clicks if begin <= other.at <= begin + BURST_S}
            for begin in range(click.at - BURST_S, click.at + 1)
        ]
        burst = any(len(links) >= MANY_LINKS for links in windows)
        soon = click.sent_at is not None and click.at < click.sent_at + 2
        assert (reason is None) == (not click.suspected and not burst and not soon)


def planted(random: Random, messages: int) -> list[tuple[list[MessageClick], list[bool]]]:
    """Messages with clicks, and which are a person's; 30 % of the clicks are scanners' of three kinds."""
    made = []
    for _ in range(messages):
        clicks, persons = [], []
        for place in range(min(1 + int(random.expovariate(1.6)), 6)):
            at = SENT + 30 + int(random.expovariate(1 / 7_200)) + 25 * place
            flag = random.choice([None, ()])
            clicks.append(MessageClick(at=at, link=str(random.randrange(10)), suspected=flag, sent_at=SENT))
            persons.append(True)
        kind = random.random()
        if kind < 0.030:  # opens all links at once, long before the reader or after
            begin = SENT + random.randrange(3, 900)
            links = range(random.randint(5, 10))
            clicks += [MessageClick(at=begin + link // 3, link=str(link), sent_at=SENT) for link in links]
        elif kind < 0.12:  # tells what it is
            clicks += [
                MessageClick(at=SENT + 5, link=str(link), suspected=("user_agent",)) for link in range(3)
            ]
        elif kind < 0.25:  # looks at one link while the mail is delivered
            clicks.append(MessageClick(at=SENT + random.randrange(2), link="0", sent_at=SENT))
        persons += [False] * (len(clicks) - len(persons))
        made.append((clicks, persons))
    return made


def assert_found(messages: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for clicks, persons in planted(Random(11), messages):
        reasons = scanner_reasons(clicks)
        found["clicks"] += len(clicks)
        found["scanners planted"] += persons.count(False)
        found["persons planted"] += persons.count(True)
        found["persons found"] += reasons.count(None)
        few = len({click.link for click in clicks}) < MANY_LINKS
        found["lost to the burst rule with few links"] += few and BURST in reasons
    assert 0.25 < found["scanners planted"] / found["clicks"] < 0.35
    assert abs(found["persons found"] / found["persons planted"] - 1) < 0.01
    assert found["lost to the burst rule with few links"] == 0
    return found


def test_persons_are_counted_within_a_hundredth_among_three_in_ten_scanners() -> None:
    assert_found(20_000)


@pytest.mark.slow
def test_persons_are_counted_within_a_hundredth_among_a_million_clicks() -> None:
    found = assert_found(540_000)
    assert found["clicks"] > 1_000_000
    print(dict(found))  # noqa: T201 - the figures are the point of this run


def test_a_hundred_thousand_clicks_of_one_message_are_no_burden() -> None:
    clicks = [MessageClick(at=SENT + 60 + place // 50_000, link=str(place % 7)) for place in range(100_000)]
    reasons = scanner_reasons(clicks)
    assert set(reasons) == {BURST}
    assert all(one.at <= other.at for one, other in pairwise(clicks))
