"""The tables a board is made of agree with each other, and draws do what they say."""

from __future__ import annotations

from collections import Counter

import pytest

from app.board.vocabulary import EMPLOYMENT_TYPES, JOB_GROUPS, NATIONWIDE, REGIONS
from app.demo.random_draws import RandomStream, Weighted
from app.demo.titles import district_text, years_text
from app.demo.words import words


def test_every_job_group_has_roles_and_every_role_a_company_that_hires_it() -> None:
    roles = words().roles
    hired = {role.number for industry in words().industries.things for role in industry.roles.things}
    assert {role.group for role in roles} == JOB_GROUPS.keys()
    assert hired == {role.number for role in roles}


def test_roles_know_only_published_groups_and_employment_types() -> None:
    assert {role.also for role in words().roles if role.also} <= JOB_GROUPS.keys()
    assert {kind for role in words().roles for kind in role.types.things} <= EMPLOYMENT_TYPES["ko"].keys()


@pytest.mark.parametrize("area", ["office", "plant", "service"])
def test_every_region_has_districts_for_every_sort_of_work(area: str) -> None:
    places = words().places[area].things
    assert {place.region for place in places} == REGIONS.keys() - {NATIONWIDE}
    assert all(place.districts[area].things for place in places)


def test_every_industry_hires_from_each_group_it_names() -> None:
    for industry in words().industries.things:
        assert industry.tails
        assert sum(1 for _ in industry.roles.things) > 0


def test_weights_decide_how_often_a_thing_is_drawn() -> None:
    rng = RandomStream(1, "a test")
    drawn = Counter(
        rng.weighted_choice(Weighted.of([("often", 3.0), ("never", 0.0), ("rarely", 1.0)]))
        for _ in range(8_000)
    )
    assert drawn.keys() == {"often", "rarely"}
    assert drawn["often"] / drawn.total() == pytest.approx(0.75, abs=0.03)


def test_some_of_a_sequence_are_different_and_in_order() -> None:
    rng = RandomStream(1, "a test")
    draws = [rng.sample("abcde", 3) for _ in range(200)]
    assert all(len(draw) == 3 and draw == sorted(set(draw)) for draw in draws)
    assert Counter(letter for draw in draws for letter in draw).keys() == set("abcde")
    assert rng.sample("ab", 5) == ["a", "b"]


def test_streams_of_two_names_differ_and_of_one_name_agree() -> None:
    assert [RandomStream(1, "a").random() for _ in range(2)] == [RandomStream(1, "a").random()] * 2
    assert RandomStream(1, "a").random() != RandomStream(1, "b").random()


@pytest.mark.parametrize(
    ("district", "text"),
    [
        ("강남구", "강남"),
        ("중구", "중구"),
        ("성남시/분당구", "분당"),
        ("화성시", "화성"),
        ("음성군", "음성군"),
    ],
)
def test_titles_shorten_districts_as_people_do(district: str, text: str) -> None:
    assert district_text(district) == text


def test_titles_write_careers_as_people_do() -> None:
    assert years_text(3.0, None) == "3년 이상"
    assert years_text(3.0, 7.0) == "3~7년"
