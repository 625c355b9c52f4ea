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


# Signals that are told in the same words move a score together, under the first of them.
_TOLD_AS = (
    dict.fromkeys(_ALIKE, Signal.TASTE)
    | dict.fromkeys((Signal.PLACE, Signal.AREA, Signal.NEARBY), Signal.PLACE)
    | dict.fromkeys((Signal.CATEGORY, Signal.WANTED_CATEGORY), Signal.CATEGORY)
    | dict.fromkeys((Signal.PROFILE_TASTE, Signal.PEERS), Signal.PROFILE_TASTE)
)


def main_reasons(
    moved: Mapping[Signal, NDArray[np.floating]],
    *,
    did: Sequence[Kind],
    at_company: Sequence[Kind],
    in_field: Sequence[bool],
) -> list[Reason]:
    """For each of some pairs the reason that moved its score most.

    Args:
        moved: Each signal's contribution less its mean over all of the member's pairs: what every posting has
            alike (a career that fits them all) moved none of them.
        did: The strongest activity of each pair's member.
        at_company: The member's strongest activity at the pair's company, else anywhere.
        in_field: Whether the posting is in the member's field.
    """
    shares: dict[Signal, NDArray[np.floating]] = {}
    for signal, share in moved.items():
        told = _TOLD_AS.get(signal, signal)
        shares[told] = shares[told] + share if told in shares else share
    if not shares:
        return [Reason.POPULAR] * len(did)
    told_as = list(shares)
    largest = np.argmax(np.stack(list(shares.values())), axis=0).tolist()
    return [
        reason_of(told_as[most], did=kind, at_company=there, in_field=inside)
        for most, kind, there, inside in zip(largest, did, at_company, in_field, strict=True)
    ]
