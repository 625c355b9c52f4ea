"""The reason given for a posting: what moved its score most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.recommend.board import Kind
from app.recommend.reasons import Reason
from app.recommend.weights import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_SIMILAR = {
    Kind.VIEW: Reason.SIMILAR_TO_VIEWED,
    Kind.SCRAP: Reason.SIMILAR_TO_SCRAPPED,
    Kind.APPLY: Reason.SIMILAR_TO_APPLIED,
}
_COMPANY = {
    Kind.VIEW: Reason.COMPANY_VIEWED,
    Kind.SCRAP: Reason.COMPANY_SCRAPPED,
    Kind.APPLY: Reason.COMPANY_APPLIED,
}
_ALIKE = (Signal.TASTE, Signal.KIN, Signal.CONTENT_TASTE, Signal.WORDS, Signal.OPENED_NEAR)
_VARYING = (Signal.COMPANY, Signal.FRESH, Signal.POPULAR)
_PLAIN = {
    Signal.PLACE: Reason.REGION_OF_INTEREST,
    Signal.AREA: Reason.REGION_OF_INTEREST,
    Signal.NEARBY: Reason.REGION_OF_INTEREST,
    Signal.CATEGORY: Reason.FITS_FIELD,
    Signal.WANTED_CATEGORY: Reason.FITS_FIELD,
    Signal.WANTED_REGION: Reason.FITS_REGION,
    Signal.WANTED_WORDS: Reason.FITS_SKILLS,
    Signal.CAREER: Reason.FITS_CAREER,
    Signal.EDUCATION: Reason.FITS_EDUCATION,
    Signal.SALARY: Reason.FITS_SALARY,
    Signal.PROFILE_TASTE: Reason.PEERS_APPLIED,
    Signal.PEERS: Reason.PEERS_APPLIED,
}


def reason_of(signal: Signal, *, did: Kind, at_company: Kind, in_field: bool) -> Reason:
    """What a signal is called to a member whose strongest activity was `did`, and `at_company` there."""
    if signal in _ALIKE:
        return _SIMILAR[did]
    if signal is Signal.COMPANY:
        return _COMPANY[at_company]
    if signal is Signal.FRESH:
        return Reason.NEW_IN_FIELD if in_field else Reason.NEW
    if signal is Signal.POPULAR:
        return Reason.POPULAR_IN_FIELD if in_field else Reason.POPULAR
    return _PLAIN[signal]


def main_reasons(
    contributions: Mapping[Signal, NDArray[np.float32]],
    kept: NDArray[np.int64],
    *,
    did: Kind,
    at_company: Sequence[Kind],
    in_field: NDArray[np.bool_],
) -> list[Reason]:
    """For each kept pair of a member the reason that moved its score most; of equals the first by number.

    Args:
        contributions: Of all the member's pairs. Their means are taken off: what every posting has alike (a
            career that fits them all) moved none of them.
        kept: Which pairs are in the list.
        did: The member's strongest activity.
        at_company: The strongest activity at the company of each kept pair.
        in_field: For each kept pair, whether it is in the member's field.
    """
    shares = reason_shares(contributions, kept, did=did, at_company=at_company, in_field=in_field)
    if not shares:
        return [Reason.POPULAR] * len(kept)
    reasons = sorted(shares)
    largest = np.argmax(np.stack([shares[reason] for reason in reasons]), axis=0)
    return [reasons[at] for at in largest]


def reason_shares(
    contributions: Mapping[Signal, NDArray[np.float32]],
    kept: NDArray[np.int64],
    *,
    did: Kind,
    at_company: Sequence[Kind],
    in_field: NDArray[np.bool_],
) -> dict[Reason, NDArray[np.float64]]:
    """How much each reason moved the score of each kept pair; -inf where it cannot be given for it."""
    total: dict[Reason, NDArray[np.float64]] = {}
    for signal, value in contributions.items():
        share = (value[kept] - value.mean()).astype(np.float64)
        told = (
            [
                reason_of(signal, did=did, at_company=company, in_field=bool(inside))
                for company, inside in zip(at_company, in_field, strict=True)
            ]
            if signal in _VARYING
            else [reason_of(signal, did=did, at_company=did, in_field=False)] * len(kept)
        )
        for reason in set(told):
            holds = np.array([each is reason for each in told], np.bool_)
            known = total.setdefault(reason, np.full(len(kept), -np.inf))
            known[holds] = np.where(np.isinf(known[holds]), 0.0, known[holds]) + share[holds]
    return total
