"""What the board's activity and profiles teach, ready to be asked about any member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommend.board import Kind
from app.recommend.factors import factorize
from app.recommend.fields import scaled_columns, scaled_rows
from app.recommend.topmost import topmost
from app.recommend.traits import Guess, MemberTraits, learn_guess, learn_member_traits, posting_traits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from app.recommend.board import Member, Posting
    from app.recommend.catalogue import Catalogue
    from app.recommend.history import History

CONFIDENCE = 40.0  # of a pair of average weight
PENALTY = 4.0  # per pair
KIN_KEPT = 200  # nearest postings kept for each
PANEL = 10_000  # members whose activity stands for that of similar profiles
SAMPLE = 20_000  # profiles read to learn what profiles say of tastes
_MEMBER_PENALTY, _POSTING_PENALTY = 12.0, 1.0
_INVERTED_KEPT, _INVERTED_KEPT_WIDE = 2_000, 500  # newest postings looked up by each attribute
_WIDE = 20_000  # postings shown above which fewer are looked up: their cost is a member's largest
_BATCH = 2_000
_SMALL_BOARD, _LARGE_BOARD = 20_000, 400_000  # members and postings together


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is spent on the factors, by the size of the board."""

    models: int
    factors: int
    rounds: int

    @classmethod
    def for_size(cls, members: int, postings: int) -> Effort:
        """Three models of 128 factors on a small board (their mean is steadier), one of 64 on a large one."""
        if members + postings <= _SMALL_BOARD:
            return cls(models=3, factors=max(16, min(128, min(members, postings) // 8)), rounds=10)
        if members + postings <= _LARGE_BOARD:
            return cls(models=1, factors=128, rounds=6)
        return cls(models=1, factors=64, rounds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Learned from a history; rows are members or postings of the whole board, columns the postings shown.

    Attributes:
        history: The history this was learned from.
        members: Factors of members, all models side by side; zeros without activity.
        postings: Factors of postings, likewise; guessed from content where new and without activity.
        reach: Factors of those shown, guessed wherever there is no activity: for finding what to score.
        content: Factors of postings as guessed from their content.
        moment, content_moment: Mean outer products of `postings` and `content` over those shown.
        traits: What profiles say, or None where no profile was read.
        guess: From traits to factors.
        panel_traits, panel_done: Traits of the panel, and panel x shown what they did.
        kin: Postings x shown, nearness of factors, the nearest only.
        recent: Members x postings, falling with each step back.
        done_with: Members x shown, what a member is not to be shown again.
        nearby: Places x places that the same members look at.
        lookup: Attributes of all fields x shown, the newest only.
        popular: Damped recent popularity of each posting, 0 to 1.
    """

    history: History
    members: NDArray[np.float32]
    postings: NDArray[np.float32]
    reach: NDArray[np.float32]
    content: NDArray[np.float32]
    moment: NDArray[np.float32]
    content_moment: NDArray[np.float32]
    traits: MemberTraits | None
    guess: Guess | None
    panel_traits: sparse.csr_array | None
    panel_done: sparse.csr_array | None
    kin: sparse.csr_array
    recent: sparse.csr_array
    done_with: sparse.csr_array
    nearby: sparse.csr_array
    lookup: sparse.csr_array
    popular: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What postings and a sample of profiles say, whoever did what with which: worked out once.

    Attributes:
        postings: Traits of all postings.
        sample: Positions of the sampled members, ascending.
        traits: The columns of members' traits, or None where no profile was read.
        people: Traits of the sample.
    """

    postings: sparse.csr_array
    sample: NDArray[np.int32]
    traits: MemberTraits | None
    people: sparse.csr_array | None


def ground(
    past: History,
    postings: Sequence[Posting],
    profiles: Callable[[Sequence[int]], Sequence[Member]],
    *,
    seed: int,
) -> Ground:
    """Read postings and the profiles of a sample of members with activity."""
    sample = _sample(np.unique(past.member), SAMPLE, seed)
    people = [member for part in _parts(sample) for member in profiles(part)]
    traits, rows = learn_member_traits(people) if people else (None, None)
    return Ground(postings=posting_traits(postings), sample=sample, traits=traits, people=rows)


def learn(
    past: History,
    stock: Catalogue,
    said: Ground,
    *,
    effort: Effort,
    seed: int,
    show_viewed: bool = False,
    progress: Callable[[float], None] = lambda _share: None,
) -> Evidence:
    """Learn from a history, and from what postings and profiles say."""
    members, kinds = _factors(past, effort, seed, progress)
    done = past.matrix(np.ones(len(past.member), np.float32))
    counts = np.bincount(past.posting, minlength=past.shape[1])
    content = _content(said.postings, kinds, counts > 0)
    # A new posting nobody acted on yet stands for what its content says. An older one had its chance; to treat
    # it alike would make "nobody acted on it" a signal, which in held-out data only tells what was held out.
    untried = (counts == 0) & stock.new
    kinds[untried] = content[untried]
    progress(0.7)
    guess, panel_traits, panel_done = _profiles(said, done, stock, members, seed)
    progress(0.8)
    return Evidence(
        history=past,
        members=members,
        postings=kinds,
        reach=np.where(counts[:, None] == 0, content, kinds)[stock.shown],
        content=content,
        moment=_moment(kinds[stock.shown]),
        content_moment=_moment(content[stock.shown]),
        traits=said.traits if guess else None,
        guess=guess,
        panel_traits=panel_traits,
        panel_done=panel_done,
        kin=_kin(kinds, stock.shown),
        recent=past.matrix(past.recent()),
        done_with=_done_with(past, stock, show_viewed=show_viewed),
        nearby=_nearby(done, stock),
        lookup=_lookup(stock),
        popular=_popular(past),
    )


def _factors(
    past: History, effort: Effort, seed: int, progress: Callable[[float], None]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    confidence = past.matrix(past.weight * np.float32(CONFIDENCE))
    models = []
    for model in range(effort.models):
        models.append(
            factorize(
                confidence,
                factors=effort.factors,
                penalty=PENALTY,
                rounds=effort.rounds,
                seed=seed + model,
            )
        )
        progress(0.6 * (model + 1) / effort.models)
    members, kinds = zip(*models, strict=True)
    return np.hstack(members), np.hstack(kinds)


def _content(
    traits: sparse.csr_array, factors: NDArray[np.float32], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    return learn_guess(traits[known], factors[known], penalty=_POSTING_PENALTY).of(traits)


def _moment(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    moment: NDArray[np.float32] = factors.T @ factors / np.float32(max(1, len(factors)))
    return moment


def _profiles(
    said: Ground, done: sparse.csr_array, stock: Catalogue, factors: NDArray[np.float32], seed: int
) -> tuple[Guess | None, sparse.csr_array | None, sparse.csr_array | None]:
    """What profiles say of tastes, learned from those of the sample with activity; traits and deeds of a panel."""
    active = np.flatnonzero(np.diff(done.indptr)[said.sample] > 0)
    if said.people is None or not len(active):
        return None, None, None
    guess = learn_guess(said.people[active], factors[said.sample[active]], penalty=_MEMBER_PENALTY)
    panel = np.sort(np.random.default_rng(seed).permutation(active)[:PANEL])
    did = done[said.sample[panel]]
    each = np.maximum(np.diff(did.indptr), 1) ** -0.5
    panel_done = scaled_rows(did, each)[:, stock.shown]
    return guess, said.people[panel], sparse.csr_array(panel_done)


def _sample(positions: NDArray[np.int32], most: int, seed: int) -> NDArray[np.int32]:
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))


def _parts(positions: NDArray[np.int32]) -> list[list[int]]:
    return [positions[start : start + _BATCH].tolist() for start in range(0, len(positions), _BATCH)]


def _kin(factors: NDArray[np.float32], shown: NDArray[np.int64]) -> sparse.csr_array:
    """Squared cosine of factors between each posting and the nearest of those shown."""
    unit = factors / np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), 1e-9)
    column = np.full(len(unit), -1)
    column[shown] = np.arange(len(shown))
    step = max(1, 20_000_000 // max(1, len(shown)))
    blocks = []
    for start in range(0, len(unit), step):
        near = unit[start : start + step] @ unit[shown].T
        itself = column[start : start + step]
        own = np.flatnonzero(itself >= 0)
        near[own, itself[own]] = 0
        blocks.append(_squares_of(near, topmost(near, KIN_KEPT)))
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


def _squares_of(near: NDArray[np.float32], kept: list[NDArray[np.int64]]) -> sparse.csr_array:
    columns = np.concatenate([np.sort(each) for each in kept])
    ends = np.r_[0, np.cumsum([len(each) for each in kept])]
    values = near[np.repeat(np.arange(len(kept)), np.diff(ends)), columns]
    squares = sparse.csr_array((np.maximum(values, 0) ** 2, columns.astype(np.int32), ends), shape=near.shape)
    squares.eliminate_zeros()
    return squares


def _done_with(past: History, stock: Catalogue, *, show_viewed: bool) -> sparse.csr_array:
    ends = past.kind == Kind.APPLY if show_viewed else np.ones(len(past.kind), np.bool_)
    pairs = sparse.csr_array(
        (np.ones(int(ends.sum()), np.float32), (past.member[ends], past.posting[ends])), shape=past.shape
    )
    return sparse.csr_array(pairs[:, stock.shown])


def _nearby(done: sparse.csr_array, stock: Catalogue) -> sparse.csr_array:
    """How often the same members look at two places, over how often at either."""
    seen = done @ stock.fields["place"].matrix
    seen.data[:] = 1
    often = np.maximum(np.asarray(seen.sum(axis=0)).ravel(), 1)
    scaled = scaled_columns(sparse.csr_array(seen), (often + 1) ** -0.5)
    together = sparse.csr_array(scaled.T @ scaled)
    together.setdiag(0)
    together.eliminate_zeros()
    return together


def _lookup(stock: Catalogue) -> sparse.csr_array:
    newest_first = np.lexsort((stock.shown, -stock.opened_s[stock.shown]))
    place = np.empty(len(newest_first), np.int64)
    place[newest_first] = np.arange(len(newest_first))
    most = _INVERTED_KEPT if len(place) <= _WIDE else _INVERTED_KEPT_WIDE
    inverted = [
        _newest(sparse.csr_array(field.matrix[stock.shown].T.tocsr()), place, most)
        for field in stock.fields.values()
    ]
    return sparse.csr_array(sparse.vstack(inverted, format="csr"))


def _newest(inverted: sparse.csr_array, place: NDArray[np.int64], most: int) -> sparse.csr_array:
    counts = np.diff(inverted.indptr)
    if not len(counts) or counts.max() <= most:
        return inverted
    row = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((place[inverted.indices], row))
    within = np.arange(len(order)) - np.repeat(inverted.indptr[:-1], counts)
    kept = np.sort(order[within < most])
    return sparse.csr_array((inverted.data[kept], (row[kept], inverted.indices[kept])), shape=inverted.shape)


def _popular(past: History) -> NDArray[np.float32]:
    """Ln(1 + weighted activity), over its largest: ten times the activity is not ten times the worth."""
    done = np.bincount(past.posting, weights=past.weight, minlength=past.shape[1])
    damped: NDArray[np.float64] = np.log1p(done)
    shares: NDArray[np.float32] = (damped / max(damped.max(initial=0.0), 1e-9)).astype(np.float32)
    return shares
