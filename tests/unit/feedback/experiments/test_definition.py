"""What an experiment's arms may be, and the one sentence that each bad request gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.feedback.experiments.definition import (
    Arm,
    Experiment,
    check_key,
    check_recipe,
    read_arms,
)
from app.feedback.experiments.refusals import ExperimentError, Refusal

AT = datetime(2025, 1, 15, tzinfo=UTC)


def test_arms_are_read_as_they_are_written() -> None:
    assert read_arms(["recommended", "popular"]) == (
        Arm("recommended", 0.5, "recommended"),
        Arm("popular", 0.5, "popular"),
    )
    assert read_arms(["a=recommended:90", "b=one-a-company:10"]) == (
        Arm("a", 0.9, "recommended"),
        Arm("b", 0.1, "one-a-company"),
    )
    assert [arm.needs_run for arm in read_arms(["a=profile", "b=own"])] == [None, "own"]


@pytest.mark.parametrize(
    ("arms", "sentence"),
    [
        ([], "An experiment has 2 to 8 arms, the first of them the control; there are 0: write NAME=RECIPE once for each."),
        (["a"], "An experiment has 2 to 8 arms, the first of them the control; there are 1: write NAME=RECIPE once for each."),
        ([f"a{n}=recommended" for n in range(9)], "An experiment has 2 to 8 arms, the first of them the control; there are 9: write NAME=RECIPE once for each."),
        (["a=recommended", "a=popular"], "Two arms are named 'a': give each a name of its own."),
        (["a=recommended:50", "b=popular"], "Some arms have a percentage and some have none: give all of them one, or none."),
        (["a=recommended:50", "b=popular:49"], "The arms' percentages add up to 99, and must to 100."),
        (["a=recommended:0", "b=popular:100"], "The percentage of the arm 'a' must be above 0 and below 100, with two decimals at most, such as a:50; it is '0'."),
        (["a=recommended:-5", "b=popular:105"], "The percentage of the arm 'a' must be above 0 and below 100, with two decimals at most, such as a:50; it is '-5'."),
        (["a=recommended:nan", "b=popular:1"], "The percentage of the arm 'a' must be above 0 and below 100, with two decimals at most, such as a:50; it is 'nan'."),
        (["A", "b"], "The arm's name 'A' must be 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit."),
        (["새 목록", "b"], "The arm's name '새 목록' must be 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit."),
        (["a=", "b"], "The recipe of the arm 'a' '' must be 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit."),
        (["a=x' OR 1=1", "b"], "The recipe of the arm 'a' 'x' OR 1=1' must be 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit."),
    ],
)  # fmt: skip
def test_arms_that_cannot_be_get_one_sentence(arms: list[str], sentence: str) -> None:
    with pytest.raises(ExperimentError) as refused:
        read_arms(arms)
    assert str(refused.value) == sentence


def test_names_are_written_like_campaigns_and_no_recipe_is_named_like_what_is_always_there() -> None:
    assert (check_key("a-1", Refusal.CAMPAIGN_NAME), check_recipe("own")) == ("a-1", "own")
    with pytest.raises(ExperimentError, match="The campaign '-' must be 1 to 64"):
        check_key("-", Refusal.CAMPAIGN_NAME)
    with pytest.raises(ExperimentError, match="'popular' is a way to make lists that is always there"):
        check_recipe("popular")


def test_a_send_is_split_that_began_between_the_start_and_the_end() -> None:
    one = Experiment("e", "weekly", "s", [], AT)
    before, after = AT - timedelta(seconds=1), AT + timedelta(days=1)
    assert [one.splits(at) for at in (before, AT, after)] == [False, True, True]
    assert [replace(one, stopped_at=after).splits(at) for at in (AT, after)] == [True, False]
