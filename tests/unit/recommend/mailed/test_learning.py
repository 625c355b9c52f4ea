"""What mails taught makes the next ones better, where there is something to learn."""

from __future__ import annotations

from app.recommend.mailed.learning import CLICK_WEIGHTS
from app.recommend.scoring.discount import DEFAULT_DISCOUNT, Ignored
from app.recommend.scoring.weights import Weights
from tests.unit.recommend.mailed.small_world import World, play


def test_learning_from_mails_brings_applications_and_spares_ignored_repeats() -> None:
    (off, stated), (on, learned) = (
        play(World(members=200, postings=300, seed=0), weeks=4, learn=learn) for learn in (False, True)
    )
    assert sum(week.clicks for week in on) > 1.1 * sum(week.clicks for week in off)
    assert sum(week.applications for week in on) > 1.1 * sum(week.applications for week in off)
    assert all(ours.repeats < theirs.repeats / 1.4 for ours, theirs in zip(on[1:], off[1:], strict=True))
    assert (stated.discount, stated.learned_from["discount"]) == (DEFAULT_DISCOUNT, 0)
    assert learned.learned_from["discount"] > 50
    assert learned.learned_from["click"] >= 0
    assert learned.click in CLICK_WEIGHTS
    assert Weights.from_json(learned.to_json()) == learned


def test_how_much_is_discounted_follows_from_how_tired_members_are() -> None:
    tired, fresh = (
        play(World(members=200, postings=300, seed=1, fatigue=fatigue), weeks=4, learn=True)[1].discount
        for fatigue in (0.2, 1.0)
    )
    assert min(tired.values()) >= 0
    assert min(fresh.values()) >= 0
    twice = {Ignored.TIMES: 1.0986, Ignored.LATELY: 0.5, Ignored.HIGH: 1.0}
    costs = [sum(weights[sign] * value for sign, value in twice.items()) for weights in (tired, fresh)]
    assert costs[0] > costs[1] + 0.5
