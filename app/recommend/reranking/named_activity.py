"""The posting that a reason names: a recent one of the member's that the shown posting visibly resembles."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import Status
from app.board.vocabulary import region_name
from app.recommend.reranking.explanation import MOST_REPEATED, pairs_by_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from app.board.model import Posting
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.reranking.company_activity import CompanyActivity

LATEST = 4  # postings of a member that reasons may name
NAMED = 20  # first places of a list whose reasons may name a posting: those in a mail, and some that may be vetoed
LONGEST = 22  # graphemes of a title
_NONE = -1
_SHARED_WORDS, _SHARED_FIELD = 0.1, 0.5  # cosines from which on a reader sees the likeness
_BY_WORDS, _BY_FIELD, _BY_PLACE = 1.0, 0.3, 0.2
_NEARLY = 0.7  # of the greatest likeness: an anchor so like may be named instead of one named before
_AROUND = re.compile(r"^(?:\[[^\]]*\]\s*)+|(?:\s*\([^()]*\))+$")
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_JOINERS = "\u200d\ufe0e\ufe0f"


def latest_postings(activity: CompanyActivity, may_be_named: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The postings that each member acted on last in their strongest way, newest first.

    Args:
        activity: What the members did.
        may_be_named: (n_postings,) bool.

    Returns:
        (n_members, 4) int64, -1 for none.
    """
    found = np.full((activity.members, LATEST), _NONE, np.int64)
    may = np.flatnonzero(
        (activity.kind == activity.strongest()[activity.row]) & may_be_named[activity.posting]
    )[::-1]
    row = activity.row[may]  # descending, as the activity is by member and time
    starts = np.searchsorted(-row, -row, side="left")
    place = np.arange(len(row)) - starts
    kept = place < LATEST
    found[row[kept], place[kept]] = activity.posting[may][kept]
    return found


def drop_same_names(anchors: NDArray[np.int64], names: Mapping[int, str]) -> NDArray[np.int64]:
    """The postings that may be named, less those called as a newer one of the same member: -1 in their place."""
    apart = anchors.copy()
    for row in apart:
        called: set[str] = set()
        for at, posting in enumerate(row.tolist()):
            if posting != _NONE and names[posting] in called:
                row[at] = _NONE
            elif posting != _NONE:
                called.add(names[posting])
    return apart


def choose_anchors(
    anchors: NDArray[np.int64], row: NDArray[np.int64], shown: NDArray[np.int64], catalogue: Catalogue
) -> NDArray[np.int64]:
    """Which anchor of its member each posting shown is named with, its place from 1; 0 where none is visibly like it.

    Of several that are nearly as like, the one that was named least before; none is named more than three times.

    Args:
        anchors: Postings that may be named, members x n, -1 for none.
        row: The member of each posting shown, ascending; best postings first.
        shown: The postings.
        catalogue: The catalogue.
    """
    width = anchors.shape[1]
    theirs = anchors[row]
    there = theirs != _NONE
    ours = np.repeat(shown, width)
    words, field, place = (
        np.where(there, _cosines(catalogue, name, ours, theirs.ravel()).reshape(there.shape), 0)
        for name in ("words", "category", "place")
    )
    like = np.where(
        there & ((words >= _SHARED_WORDS) | (field >= _SHARED_FIELD)),
        _BY_WORDS * words + _BY_FIELD * field + _BY_PLACE * place,
        0.0,
    )
    times = np.zeros((len(anchors), width), np.int64)
    named = np.zeros(len(shown), np.int64)
    for step in pairs_by_place(row, most=NAMED):
        fewer = times[row[step]] < MOST_REPEATED
        best = np.where(fewer, like[step], 0.0).max(axis=1, initial=0.0)
        nearly = fewer & (like[step] > 0) & (like[step] >= _NEARLY * best[:, None])
        rank = np.where(nearly, times[row[step]] - like[step] / 10, np.inf)
        chosen = np.argmin(rank, axis=1)
        some = nearly.any(axis=1)
        named[step[some]] = chosen[some] + 1
        times[row[step[some]], chosen[some]] += 1
    return named


def _cosines(
    catalogue: Catalogue, name: str, ours: NDArray[np.int64], theirs: NDArray[np.int64]
) -> NDArray[np.float32]:
    matrix = catalogue.fields[name].matrix
    product: NDArray[np.float32] = np.asarray(
        matrix[ours].multiply(matrix[np.maximum(theirs, 0)]).sum(axis=1), np.float32
    ).ravel()
    return product


def posting_name(posting: Posting) -> str:
    """A posting in a few words: its title without what stands in brackets around it, cut where it is long, and its place."""
    title = unicodedata.normalize("NFC", posting.title)
    if not title.isprintable():
        title = "".join(map(_visible, title))
    title = " ".join(title.split())
    title = _AROUND.sub("", title) or title
    place = region_name(posting.regions[0]) if posting.regions else ""
    return f"{shorten(title)} ({place})" if place and place not in title else shorten(title)


def _visible(character: str) -> str:
    if character in _JOINERS:
        return character
    return " " if unicodedata.category(character)[0] in "CZ" else character


def shorten(text: str, longest: int = LONGEST) -> str:
    """A text of at most so many characters as people count them, with an ellipsis where it was cut."""
    if len(text) <= longest:
        return text
    starts = [at for at in range(len(text)) if at == 0 or not _continues(text, at)]
    return text if len(starts) <= longest else text[: starts[longest - 1]].rstrip() + "…"


def _continues(text: str, at: int) -> bool:
    """Whether what stands at a place belongs to the character before it."""
    this, before = text[at], text[at - 1]
    if unicodedata.category(this)[0] == "M" or this in _JOINERS or before == "\u200d":
        return True
    if (
        "\U0001f3fb" <= this <= "\U0001f3ff" or "\u1160" <= this <= "\u11ff"
    ):  # skin tones, medial and final jamo
        return True
    flags = at + 1 - len(text[: at + 1].rstrip(_FLAGS))
    return flags > 0 and flags % 2 == 0  # the second letter of a flag


def may_be_named(posting: Posting | None) -> bool:
    """Whether a posting may be named: one that is hidden, or is no more, may not."""
    return posting is not None and posting.status is not Status.HIDDEN and bool(posting.title.strip())
