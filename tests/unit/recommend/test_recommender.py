"""Lists of a whole board: what is in them, what never is, and that nothing outside a member moves them."""

import json
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from app.board.model import ActivityKind, ActivityLog, Member, Posting, Status
from app.recommend.parallel import split_over_workers
from app.recommend.reasons import Reason
from app.recommend.recommender import Recommender
from app.recommend.scoring import candidates
from app.recommend.scoring.weights import Signal, Weights

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


def ids(model: Recommender, board: Any, positions: list[int]) -> list[list[str]]:
    return [
        [each.posting_id for each in ranked] for ranked in model.rank(positions, board.profiles(positions))
    ]


def test_a_member_is_shown_their_trade_and_city_first(model: Recommender, board: Any) -> None:
    member = board.members[0]
    by_id = {each.id: each for each in board.postings}
    top = [by_id[each] for each in ids(model, board, [0])[0][:5]]
    assert {each.categories for each in top} == {member.categories}
    assert {each.regions for each in top} == {member.regions}


def test_neither_the_model_nor_a_list_depends_on_the_cores(crowd: Any) -> None:
    alone = crowd.fit(learn=True)
    with split_over_workers(2):
        together = crowd.fit(learn=True)
    assert (
        together.representations.posting_factors.tobytes() == alone.representations.posting_factors.tobytes()
    )
    assert together.representations.member_factors.tobytes() == alone.representations.member_factors.tobytes()
    assert together.weights == alone.weights
    everybody = range(len(crowd.members))
    assert together.rank(everybody, crowd.members) == alone.rank(everybody, crowd.members)


@pytest.mark.parametrize("cores", [1, 2])
def test_progress_of_each_stage_only_grows_and_ends_whole(crowd: Any, cores: int) -> None:
    told: dict[str, list[float]] = {"learn": [], "fit": []}
    with split_over_workers(cores):
        crowd.fit(learn=True, progress=lambda stage, share: told[stage].append(share))
    for shares in told.values():
        assert shares == sorted(shares)
        assert len(set(shares)) > 4
        assert shares[-1] == 1.0


def test_what_a_member_did_something_with_is_not_shown_again(model: Recommender, board: Any) -> None:
    for position, shown in enumerate(ids(model, board, list(range(50)))):
        own = board.activity.posting[board.activity.member == position]
        assert not {board.postings[at].id for at in own} & set(shown)


def test_viewed_postings_may_be_shown_again_where_asked_but_applied_ones_never(board: Any) -> None:
    lists = ids(board.fit(show_viewed=True), board, list(range(50)))
    log = board.activity
    viewed = applied = 0
    for position, shown in enumerate(lists):
        own = log.member == position
        viewed += sum(
            board.postings[at].id in shown for at in log.posting[own & (log.kind == ActivityKind.VIEW)]
        )
        applied += sum(
            board.postings[at].id in shown for at in log.posting[own & (log.kind == ActivityKind.APPLY)]
        )
    assert (viewed > 0, applied) == (True, 0)


def test_closed_hidden_and_past_postings_are_in_no_list_and_on_no_shelf(board: Any) -> None:
    gone = {
        0: replace(board.postings[0], status=Status.CLOSED),
        1: replace(board.postings[1], status=Status.HIDDEN),
        2: replace(board.postings[2], deadline=date(2026, 11, 21)),
        3: replace(board.postings[3], deadline=date(2026, 11, 22)),
    }
    changed = replace(board, postings=[gone.get(at, each) for at, each in enumerate(board.postings)])
    model = changed.fit()
    shown = {each for one in ids(model, changed, list(range(60))) for each in one}
    shelved = {each.posting_id for shelf in model.shelves().values() for each in shelf}
    assert not {"p0000", "p0001", "p0002"} & (shown | shelved)
    assert "p0003" in shown & shelved


def test_lists_do_not_depend_on_chunks_or_their_order(model: Recommender, board: Any) -> None:
    whole = model.rank(range(60), board.members)
    backwards = [model.rank([at], [board.members[at]])[0] for at in reversed(range(60))][::-1]
    assert [[each.posting_id for each in one] for one in whole] == [
        [each.posting_id for each in one] for one in backwards
    ]


def test_lists_do_not_depend_on_who_did_more_than_the_member(new_board: Callable[..., Any]) -> None:
    """Postings are looked up here, and many are alike: which of equals are found follows from the member alone."""
    board = new_board(postings=600)
    log = board.activity
    first = np.r_[True, log.member[1:] != log.member[:-1]]
    kept = first | (log.member % 2 == 1)
    thinned = ActivityLog(log.member[kept], log.posting[kept], log.kind[kept], log.at[kept])
    model = replace(board, activity=thinned).fit()
    whole = model.rank(range(60), board.members)
    assert whole == [model.rank([at], [board.members[at]])[0] for at in range(60)]


def test_the_same_board_and_seed_give_the_same_lists_and_a_model_survives_pickling(
    model: Recommender, board: Any
) -> None:
    again = board.fit()
    thawed: Recommender = pickle.loads(pickle.dumps(model))  # noqa: S301 - made one line above
    assert ids(again, board, list(range(60))) == ids(model, board, list(range(60)))
    assert ids(thawed, board, list(range(60))) == ids(model, board, list(range(60)))


def test_a_posting_opened_a_minute_ago_reaches_lists_before_anyone_applied(
    board: Any, new_posting: Callable[..., Posting]
) -> None:
    fresh = new_posting(80, opened_at=NOW - timedelta(minutes=1))
    grown = replace(board, postings=[*board.postings, fresh])
    tops = [one[:10] for one in ids(grown.fit(), grown, list(range(60)))]
    fitting = [one for at, one in enumerate(tops) if grown.members[at].categories == fresh.categories]
    assert sum(fresh.id in one for one in fitting) >= 5


def test_a_member_with_a_profile_alone_gets_a_list_for_a_reason_a_profile_can_give(
    model: Recommender, board: Any
) -> None:
    ranked = model.rank([55], board.profiles([55]))[0]
    by_id = {each.id: each for each in board.postings}
    from_history = {
        Reason.SIMILAR_TO_APPLIED, Reason.SIMILAR_TO_SCRAPPED, Reason.SIMILAR_TO_VIEWED,
        Reason.COMPANY_APPLIED, Reason.COMPANY_SCRAPPED, Reason.COMPANY_VIEWED, Reason.REGION_OF_INTEREST,
    }  # fmt: skip
    assert {by_id[each.posting_id].categories for each in ranked[:5]} == {board.members[55].categories}
    assert not {each.reason for each in ranked} & from_history


def test_a_member_of_whom_nothing_is_known_gets_no_list_and_so_the_popular_one(
    model: Recommender,
) -> None:
    assert model.rank([55], [Member(id="m0055")]) == [[]]


def test_a_board_without_any_activity_still_ranks_by_profile(board: Any) -> None:
    nothing = ActivityLog(
        np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int8), np.zeros(0, np.int64)
    )
    quiet = replace(board, activity=nothing)
    by_id = {each.id: each for each in board.postings}
    top = ids(quiet.fit(), quiet, [0])[0][:3]
    assert {by_id[each].categories for each in top} == {board.members[0].categories}


def test_a_board_where_all_is_closed_gives_empty_lists(board: Any) -> None:
    closed = replace(board, postings=[replace(each, status=Status.CLOSED) for each in board.postings])
    model = closed.fit()
    assert model.rank([0, 55], closed.profiles([0, 55])) == [[], []]
    assert model.shelves() == {("", ""): []}


def test_a_company_has_at_most_two_of_ten_unless_the_member_applied_there_often(board: Any) -> None:
    one_firm = [
        replace(each, company_id="c0") if at % 2 == 0 and at < 40 else each
        for at, each in enumerate(board.postings)
    ]
    changed = replace(board, postings=one_firm)
    company = {each.id: each.company_id for each in one_firm}
    log = changed.activity
    model = changed.fit()
    often = []
    for position, shown in enumerate(ids(model, changed, list(range(50)))):
        applied = Counter(
            one_firm[at].company_id
            for at in log.posting[(log.member == position) & (log.kind == ActivityKind.APPLY)]
        )
        counts = Counter(company[each] for each in shown[:10])
        assert all(count <= 2 or applied[each] >= 3 for each, count in counts.items())
        often.append(applied["c0"] >= 3 and counts["c0"] > 2)
    assert any(often)


def test_where_only_some_postings_are_worth_scoring_lists_do_not_depend_on_chunks_either(
    crowd: Any, crowd_model: Recommender
) -> None:
    some = list(range(0, 200, 9))
    whole = ids(crowd_model, crowd, some)
    assert whole == [ids(crowd_model, crowd, [at])[0] for at in some]
    assert {len(one) for one in whole} == {50}


def test_of_very_many_postings_those_by_taste_are_the_kin_of_what_the_member_did(
    crowd: Any, crowd_model: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = list(range(0, 180, 9))
    multiplied = ids(crowd_model, crowd, some)
    monkeypatch.setattr(candidates, "MOST_MULTIPLIED", 300)
    representations = replace(crowd_model.representations, retrieval_factors=np.zeros((0, 0), np.float32))
    model = replace(crowd_model, representations=representations)
    whole = ids(model, crowd, some)
    assert whole == [ids(model, crowd, [at])[0] for at in some]
    assert [set(one[:10]) for one in whole] == [set(one[:10]) for one in multiplied]


def test_like_profiles_are_not_asked_about_a_member_who_did_much(
    crowd: Any, crowd_model: Recommender
) -> None:
    some = list(range(0, 150, 9))  # who all did something with five postings

    def lists(**changes: Any) -> list[list[str]]:
        model = replace(crowd_model, representations=replace(crowd_model.representations, **changes))
        return ids(model, crowd, some)

    assert lists(cold_start_below=6) == lists()
    assert lists(cold_start_below=5) == lists(reference_members=None)
    assert lists(cold_start_below=5) != lists()


def test_postings_worth_scoring_are_of_the_members_trade_and_city(
    crowd: Any, crowd_model: Recommender
) -> None:
    by_id = {each.id: each for each in crowd.postings}
    for position, shown in enumerate(ids(crowd_model, crowd, list(range(8)))):
        member = crowd.members[position]
        assert {by_id[each].categories for each in shown[:10]} == {member.categories}
        assert {by_id[each].regions for each in shown[:10]} == {member.regions}


def test_the_congestion_cap_keeps_a_posting_from_too_many_top_tens(
    crowd: Any, crowd_model: Recommender
) -> None:
    capped = crowd.fit(congestion_share=0.08)

    def most(model: Recommender) -> int:
        tops = Counter(each for one in ids(model, crowd, list(range(200))) for each in one[:10])
        return tops.most_common(1)[0][1]

    assert most(capped) < most(crowd_model)
    assert most(capped) <= 0.08 * 200 * 1.1


def test_shelves_hold_the_field_and_region_they_are_of(model: Recommender, board: Any) -> None:
    by_id = {each.id: each for each in board.postings}
    shelf = model.shelves()["2", "101000"]
    assert {(by_id[each.posting_id].categories, by_id[each.posting_id].regions) for each in shelf} == {
        (("2",), ("101000/강남구",))
    }
    assert {("", ""), ("2", ""), ("", "101000")} <= model.shelves().keys()


def test_no_protected_attribute_can_reach_the_recommender() -> None:
    allowed = {
        "id", "categories", "regions", "career_years", "education", "skills", "desired_salary", "salary_unit",
        "updated_at",
    }  # fmt: skip
    assert {each.name for each in fields(Member)} == allowed
    protected = {"age", "sex", "gender", "birth", "school", "graduation", "graduated", "photo", "marital"}
    assert not {word for signal in Signal for word in signal.split("_")} & protected


def test_a_members_id_does_not_move_their_list(model: Recommender, board: Any) -> None:
    renamed = replace(board.members[55], id="somebody else")
    assert model.rank([55], [renamed]) == model.rank([55], [board.members[55]])


def test_weights_go_through_json_unchanged(model: Recommender) -> None:
    stored = json.loads(json.dumps(model.weights.to_json()))
    assert Weights.from_json(stored) == model.weights


def test_with_too_little_activity_the_stated_defaults_stand(board: Any) -> None:
    assert board.fit(learn=True).weights == Weights()


def test_no_learned_weight_is_below_zero(new_board: Callable[..., Any]) -> None:
    model = new_board(members=300, postings=200).fit(learn=True)
    assert model.weights.learned_from["with_history"] >= 50
    assert min(model.weights.with_history.values()) >= 0
