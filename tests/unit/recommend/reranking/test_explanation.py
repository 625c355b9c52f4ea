"""The reason given is the largest true contribution to the score."""

from typing import Any

import numpy as np

from app.board.model import ActivityKind
from app.recommend.ranked import ASKED_COMPANY, RankedPosting
from app.recommend.reasons import Reason
from app.recommend.recommender import Recommender
from app.recommend.reranking.explanation import _MERGED_UNDER, explain, main_reasons, true_reasons
from app.recommend.scoring.signals import compute_signals
from app.recommend.scoring.weights import Signal, Weights
from app.serving.labels import SENTENCES


def test_every_reason_has_a_sentence_in_every_language() -> None:
    assert all(set(sentences) == set(Reason) for sentences in SENTENCES.values())


def test_every_signal_has_a_reason_whatever_the_member_did() -> None:
    told = {
        explain(signal, did=did, at_company=did, in_field=inside)
        for signal in Signal
        for did in ActivityKind
        for inside in (True, False)
    }
    assert told <= set(Reason)


def test_the_reason_moved_the_score_recomputed_one_signal_at_a_time(model: Recommender, board: Any) -> None:
    """By hand: a signal's contribution is what the score loses when its weight is 0, less its mean loss."""
    for position in range(0, 60, 13):
        member = board.members[position]
        scored = compute_signals(np.array([position]), [member], model.representations, model.catalogue)
        weights = model.weights.with_history if scored.active else model.weights.profile_only
        whole = sum(
            np.float64(weights[each]) * value for each, value in scored.values.items() if each in weights
        )
        done = model.representations.interactions
        own = done.member == position
        did = ActivityKind(done.kind[own].max(initial=ActivityKind.VIEW))
        at = {int(posting): place for place, posting in enumerate(scored.pairs.posting)}
        for ranked in model.rank([position], [member])[0]:
            place = at[model.catalogue.ids.index(ranked.posting_id)]
            company = model.catalogue.companies[scored.pairs.posting[place]]
            there = [
                done.kind[pair]
                for pair in np.flatnonzero(own)
                if model.catalogue.companies[done.posting[pair]] == company
            ]
            shares: dict[Reason, float] = {}
            true = true_reasons({signal: value[place : place + 1] for signal, value in scored.values.items()})
            true[Signal.WANTED_REGION] = scored.in_named_region[place : place + 1]
            true[Signal.COMPANY] = np.array([bool(there)])
            for signal in scored.values.keys() & weights.keys():
                without = sum(
                    np.float64(weights[each]) * value
                    for each, value in scored.values.items()
                    if each in weights and each is not signal
                )
                lost = np.asarray(whole - without)
                in_field = any(
                    scored.values[each][place] > 0
                    for each in (Signal.CATEGORY, Signal.WANTED_CATEGORY)
                    if each in scored.values
                )
                reason = explain(
                    signal, did=did, at_company=ActivityKind(max(there, default=did)), in_field=in_field
                )
                if true.get(_MERGED_UNDER.get(signal, signal), [True])[0]:
                    shares[reason] = shares.get(reason, 0.0) + float(lost[place] - lost.mean())
            assert shares[Reason(ranked.reason)] > 0.1 * max(shares.values()) - 1e-5


def test_a_signal_that_is_alike_for_all_postings_is_nobodys_reason() -> None:
    scored = {
        Signal.CAREER: np.array([5.0, 5.0, 5.0]),
        Signal.WANTED_WORDS: np.array([0.5, 0.1, 0.0]),
    }
    moved = {signal: value[:1] - value.mean() for signal, value in scored.items()}
    told = main_reasons(
        moved, true={}, did=[ActivityKind.VIEW], at_company=[ActivityKind.VIEW], in_field=[False]
    )
    assert told == [Reason.FITS_SKILLS]


def test_what_is_not_known_or_not_met_is_no_reason() -> None:
    values = {
        Signal.CAREER: np.array([0.5, 1.0, 0.9], np.float32),
        Signal.SALARY: np.array([0.5, 0.5, 1.0], np.float32),
        Signal.WANTED_CATEGORY: np.array([0.0, 0.0, 0.0], np.float32),
        Signal.FRESH: np.array([0.1, 0.1, 0.1], np.float32),
        Signal.POPULAR: np.array([0.0, 0.2, 0.2], np.float32),
    }
    moved = {signal: np.full(3, 9.0 - number, np.float32) for number, signal in enumerate(values)}
    told = main_reasons(
        moved,
        true=true_reasons(values),
        did=[ActivityKind.VIEW] * 3,
        at_company=[ActivityKind.VIEW] * 3,
        in_field=[False] * 3,
    )
    assert told == [Reason.OPEN_NOW, Reason.FITS_CAREER, Reason.FITS_SALARY]


def test_freshness_is_only_called_news_of_the_field_within_it() -> None:
    usual = {"did": ActivityKind.VIEW, "at_company": ActivityKind.VIEW}
    assert explain(Signal.FRESH, in_field=True, **usual) is Reason.NEW_IN_FIELD
    assert explain(Signal.FRESH, in_field=False, **usual) is Reason.NEW


def test_defaults_name_every_signal_with_history() -> None:
    assert set(Weights().with_history) == set(Signal)


def test_signals_that_are_told_in_the_same_words_move_a_score_together() -> None:
    moved = {
        Signal.WANTED_WORDS: np.array([0.5, 0.5]),
        Signal.PLACE: np.array([0.3, 0.3]),
        Signal.AREA: np.array([0.3, 0.1]),
    }
    did = [ActivityKind.APPLY, ActivityKind.APPLY]
    told = main_reasons(moved, true={}, did=did, at_company=did, in_field=[False, False])
    assert told == [Reason.REGION_OF_INTEREST, Reason.FITS_SKILLS]


def test_a_mark_tells_the_reason_and_whether_the_company_was_asked_for() -> None:
    assert max(Reason) < ASKED_COMPANY
    assert [RankedPosting("p", Reason.NEW, asked_company=asked).mark for asked in (False, True)] == [
        Reason.NEW,
        Reason.NEW + ASKED_COMPANY,
    ]
