"""What the board's activity and profiles teach, ready to be asked about any member."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.model import Kind
from app.recommend.features.codes import Codes
from app.recommend.features.postings import Guess, PostingTraits, learn_guess
from app.recommend.features.profiles import Columns, Likeness, Panel
from app.recommend.models.als import Side, chance, combined, factorize, solve_each
from app.recommend.models.item_neighbours import nearest
from app.recommend.parallel import begun
from app.recommend.sparse import foremost, scaled_columns, scaled_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member, Posting
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.interactions import History
    from app.recommend.models.hyperparameters import Effort

CONFIDENCE = 40.0  # of a pair of average weight
PENALTY = 4.0  # per pair
SAID = 8.0  # confidence of what a profile says: a fifth of that of a pair; on applications 12 is as good, 4 and 18 are worse
KIN_KEPT = 200  # nearest postings kept for each
PANEL = 6_000  # members whose activity stands for that of similar profiles: a dense solve of 144 MB and 3 s
SAMPLE = 10_000  # profiles read to choose them from
_POSTING_PENALTY = 1.0
_INVERTED_KEPT = 1_000  # newest postings looked up by each attribute
_BATCH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Learned from a history; rows are members or postings of the whole board, columns the postings shown.

    Attributes:
        history: The history this was learned from.
        much: Postings a member acted on from which on the panel is not asked about them.
        members: Factors of members; zeros without activity.
        postings: Factors of postings, likewise; guessed from content where new and without activity.
        untried: Postings whose factors are so guessed.
        reach: Factors of those shown, guessed wherever there is no activity: for finding what to score.
        codes, said: What profiles say, and its factors, a row a code; none on a large board.
        content: Factors of postings as guessed from their content.
        moment, content_moment: Mean outer products of `postings` and `content` over those shown.
        panel: What members' profiles say of their factors and deeds, or None where no profile was read.
        posting_traits, posting_guess: What postings say, and from it to `content`.
        kin: Postings x shown, nearness of factors, the nearest only.
        recent: Members x postings, falling with each step back.
        done_with: Members x shown, what a member is not to be shown again.
        nearby: Places x places that the same members look at.
        lookup: Attributes of all fields x shown, the newest only.
        popular: Damped recent popularity of each posting, 0 to 1.
    """

    history: History
    much: int
    members: NDArray[np.float32]
    postings: NDArray[np.float32]
    untried: NDArray[np.bool_]
    reach: NDArray[np.float32]
    codes: Codes
    said: NDArray[np.float32]
    content: NDArray[np.float32]
    moment: NDArray[np.float32]
    content_moment: NDArray[np.float32]
    panel: Panel | None
    posting_traits: PostingTraits
    posting_guess: Guess
    kin: sparse.csr_array
    recent: sparse.csr_array
    done_with: sparse.csr_array
    nearby: sparse.csr_array
    lookup: sparse.csr_array
    popular: NDArray[np.float32]

    def side(self) -> Side:
        """Codes and postings as members' factors are solved against them."""
        tried = np.where(self.untried[:, None], np.float32(0), self.postings)
        return Side.of(np.vstack([self.said, tried]))

    def about(
        self,
        past: History,
        people: Sequence[Member],
        side: Side,
        shown: NDArray[np.int64],
        *,
        show_viewed: bool,
    ) -> Evidence:
        """The same evidence about other members, who did what `past` says and have these profiles."""
        confidence = _confidence(past, self.codes.rows(people))
        return replace(
            self,
            history=past,
            members=solve_each(confidence, side, PENALTY),
            recent=past.matrix(past.recent()),
            done_with=_done_with(past, shown, show_viewed=show_viewed),
        )


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What postings and profiles say, whoever did what with which: worked out once.

    Attributes:
        columns: The columns of postings' traits.
        postings: Traits of all postings.
        compared: What profiles are compared in.
        panel: Positions of the members who may be the panel; those whose activity is hidden while weights are learned
            come last.
        people: Their profiles; empty where no profile was read.
        acted: Postings that each of them acted on.
        codes, said: What profiles say, and members x codes; none on a large board.
    """

    columns: PostingTraits
    postings: sparse.csr_array
    codes: Codes
    said: sparse.csr_array
    compared: Columns
    panel: NDArray[np.int32]
    people: Sequence[Member]
    acted: NDArray[np.int64]

    @cached_property
    def likeness(self) -> Likeness | None:
        """How alike the panel's profiles are to each other, or None where no profile was read."""
        return Likeness.among(self.compared, self.people, self.acted) if self.people else None


def ground(
    past: History,
    postings: Sequence[Posting],
    profiles: Callable[[Sequence[int]], Sequence[Member]],
    *,
    effort: Effort,
    seed: int,
    strangers: NDArray[np.int32],
) -> Ground:
    """Read postings and the profiles of members with activity: of all on a small board, else of a sample.

    `strangers` are members whose activity is hidden while weights are learned.
    """
    active = np.unique(past.member)
    sample = _sample(active, SAMPLE, seed)
    read = active if effort.profiles else sample
    profiles_read = [member for part in _parts(read) for member in profiles(part)]
    people = [profiles_read[at] for at in np.searchsorted(read, sample).tolist()]
    chosen = _panel_rows(sample, strangers, seed)
    columns, said = PostingTraits.learned(postings)
    codes = Codes.learned(profiles_read if effort.profiles else [])
    return Ground(
        columns=columns,
        postings=said,
        codes=codes,
        said=_placed(codes.rows(profiles_read), read, past.shape[0]),
        compared=Columns.learned(people),
        panel=sample[chosen],
        people=[people[at] for at in chosen.tolist()],
        acted=np.bincount(past.member, minlength=past.shape[0])[sample[chosen]],
    )


@contextmanager
def factorizing(
    past: History,
    said: Ground,
    *,
    effort: Effort,
    seed: int,
    start: Sequence[NDArray[np.float32]] | None = None,
    progress: Callable[[float], None],
) -> Iterator[Iterator[NDArray[np.float32]]]:
    """Factors of codes and postings, one below the other, of each model; on several cores they are `begun`.

    Args:
        past: The history.
        said: What postings and profiles say.
        effort: How much is spent.
        seed: Of chance.
        start: The models of nearly the same history, from which fewer rounds lead to this one's.
        progress: Told the share that is done.
    """
    confidence = _confidence(past, said.said)
    shape = confidence.shape[1], effort.factors
    rounds = effort.rounds if start is None else effort.more_rounds

    def made(model: int) -> NDArray[np.float32]:
        first = chance(shape, seed + model) if start is None else start[model]
        return factorize(confidence, first, penalty=PENALTY, rounds=rounds, steps=effort.steps)

    with begun(made, effort.models, progress=progress) as models:
        yield models


def learn(
    past: History,
    stock: Catalogue,
    said: Ground,
    models: Sequence[NDArray[np.float32]],
    *,
    much: int,
    show_viewed: bool = False,
    asked: NDArray[np.integer] | None = None,
) -> Evidence:
    """Learn from a history, and from what postings and profiles say.

    Args:
        past: The history.
        stock: The catalogue.
        said: What postings and profiles say.
        models: What `factorizing` made of it.
        much: Postings a member acted on from which on the panel is not asked about them.
        show_viewed: Whether postings viewed or scrapped before may be shown again.
        asked: Members that this evidence will be asked about, if not all: what concerns others alone is left out.
    """
    confidence = _confidence(past, said.said)
    factors = combined(models)
    codes, kinds = np.split(factors, [said.said.shape[1]])
    codes, kinds = codes.copy(), kinds.copy()
    done = past.matrix(np.ones(len(past.member), np.float32))
    panel = said.panel[: np.count_nonzero(np.diff(done.indptr)[said.panel])]
    if asked is not None:
        rows = np.union1d(asked, panel)
        confidence = _placed(confidence[rows], rows, past.shape[0])
    members = solve_each(confidence, Side.of(factors), PENALTY)
    # Profiles are to say what members do, not what profiles say.
    tastes = solve_each(_did(past)[panel], Side.of(kinds), PENALTY) if len(codes) else members[panel]
    counts = np.bincount(past.posting, minlength=past.shape[1])
    tried = counts > 0
    posting_guess = learn_guess(said.postings[tried], kinds[tried], penalty=_POSTING_PENALTY)
    content = posting_guess.of(said.postings)
    # A new posting nobody acted on yet stands for what its content says. An older one had its chance; to treat
    # it alike would make "nobody acted on it" a signal, which in held-out data only tells what was held out.
    untried = ~tried & stock.new
    kinds[untried] = content[untried]
    guide = _panel(said, done, stock, panel, tastes)
    of_asked = None if asked is None else np.unique(past.posting[np.isin(past.member, asked)])
    return Evidence(
        history=past,
        much=much,
        members=members,
        postings=kinds,
        untried=untried,
        reach=np.where(tried[:, None], kinds, content)[stock.shown],
        codes=said.codes,
        said=codes,
        content=content,
        moment=_moment(kinds[stock.shown]),
        content_moment=_moment(content[stock.shown]),
        panel=guide,
        posting_traits=said.columns,
        posting_guess=posting_guess,
        kin=nearest(kinds, stock.shown, KIN_KEPT, of=of_asked),
        recent=past.matrix(past.recent()),
        done_with=_done_with(past, stock.shown, show_viewed=show_viewed),
        nearby=_nearby(done, stock),
        lookup=_lookup(stock),
        popular=_popular(past),
    )


def _did(past: History) -> sparse.csr_array:
    """Members x postings: the confidence of what members did."""
    return past.matrix(past.weight * np.float32(CONFIDENCE))


def _confidence(past: History, said: sparse.csr_array) -> sparse.csr_array:
    """Members x (codes, postings): what those with activity say and did. Who did nothing has an empty row."""
    did = _did(past)
    if not said.shape[1]:
        return did
    active = np.diff(did.indptr) > 0
    lengths = np.diff(said.indptr)
    columns = said.indices[np.repeat(active, lengths)]
    ends = np.r_[0, np.cumsum(lengths * active)]
    own = sparse.csr_array((np.full(len(columns), np.float32(SAID)), columns, ends), shape=said.shape)
    return sparse.csr_array(sparse.hstack([own, did], format="csr"))


def _placed(rows: sparse.csr_array, positions: NDArray[np.integer], count: int) -> sparse.csr_array:
    """The rows at their ascending positions among `count`, all others empty."""
    lengths = np.zeros(count, np.int64)
    lengths[positions] = np.diff(rows.indptr)
    indptr = np.r_[0, np.cumsum(lengths)].astype(rows.indptr.dtype)
    return sparse.csr_array((rows.data, rows.indices, indptr), shape=(count, rows.shape[1]))


def _moment(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    moment: NDArray[np.float32] = factors.T @ factors / np.float32(max(1, len(factors)))
    return moment


def _panel_rows(sample: NDArray[np.int32], strangers: NDArray[np.int32], seed: int) -> NDArray[np.int64]:
    """Which of the sample may be the panel, strangers last."""
    rows = np.random.default_rng(seed).permutation(len(sample))[:PANEL]
    return rows[np.argsort(np.isin(sample[rows], strangers), kind="stable")]


def _panel(
    said: Ground,
    done: sparse.csr_array,
    stock: Catalogue,
    members: NDArray[np.int32],
    factors: NDArray[np.float32],
) -> Panel | None:
    if said.likeness is None or not len(members):
        return None
    did = done[members]
    each = np.maximum(np.diff(did.indptr), 1) ** -0.5
    shown = sparse.csr_array(scaled_rows(did, each)[:, stock.shown])
    return said.likeness.learned(factors, shown)


def _sample(positions: NDArray[np.int32], most: int, seed: int) -> NDArray[np.int32]:
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))


def _parts(positions: NDArray[np.int32]) -> list[list[int]]:
    return [positions[start : start + _BATCH].tolist() for start in range(0, len(positions), _BATCH)]


def _done_with(past: History, shown: NDArray[np.int64], *, show_viewed: bool) -> sparse.csr_array:
    """Whoever applied to a job is done with all of its postings; who looked at another one may see this one."""
    ends = past.kind == Kind.APPLY
    if not show_viewed:
        ends = ends | past.itself
    pairs = sparse.csr_array(
        (np.ones(int(ends.sum()), np.float32), (past.member[ends], past.posting[ends])), shape=past.shape
    )
    return sparse.csr_array(pairs[:, shown])


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
    inverted = [sparse.csr_array(field.matrix[stock.shown].T.tocsr()) for field in stock.fields.values()]
    newest = [foremost(each, place[each.indices], _INVERTED_KEPT) for each in inverted]
    return sparse.csr_array(sparse.vstack(newest, format="csr"))


def _popular(past: History) -> NDArray[np.float32]:
    """Ln(1 + weighted activity), over its largest: ten times the activity is not ten times the worth."""
    done = np.bincount(past.posting, weights=past.weight, minlength=past.shape[1])
    damped: NDArray[np.float64] = np.log1p(done)
    shares: NDArray[np.float32] = (damped / max(damped.max(initial=0.0), 1e-9)).astype(np.float32)
    return shares
