"""What the board's activity and profiles teach, ready to be asked about any member."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.model import Kind
from app.recommend.features.codes import ProfileOneHotEncoder
from app.recommend.features.postings import AttributeMapping, PostingEncoder, fit_attribute_mapping
from app.recommend.features.profiles import ProfileFeatureEncoder, ProfileKernel, ReferenceMembers
from app.recommend.models.als import GramBasis, fit_als, merge_models, random_factors, solve_each
from app.recommend.models.item_neighbours import find_item_neighbours
from app.recommend.parallel import started
from app.recommend.sparse import scale_columns, scale_rows, top_entries_per_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member, Posting
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.interactions import Interactions
    from app.recommend.models.hyperparameters import Hyperparameters

ALPHA = 40.0  # of a pair of average weight
REGULARIZATION = 4.0  # per pair
PROFILE_ALPHA = 8.0  # confidence of what a profile says: a fifth of that of a pair; on applications 12 is as good, 4 and 18 are worse
NEIGHBOURS_KEPT = 200  # nearest postings kept for each
MOST_REFERENCE_MEMBERS = (
    6_000  # members whose activity stands for that of similar profiles: a dense solve of 144 MB and 3 s
)
MOST_PROFILES_READ = 10_000  # profiles read to choose them from
_POSTING_PENALTY = 1.0
_INVERTED_KEPT = 1_000  # newest postings looked up by each attribute
_BATCH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Representations:
    """Learned from a history; rows are members or postings of the whole board, columns the postings shown.

    Attributes:
        interactions: The history this was learned from.
        cold_start_below: Postings a member acted on from which on the panel is not asked about them.
        members: Factors of members; zeros without activity.
        postings: Factors of postings, likewise; guessed from content where new and without activity.
        cold_postings: Postings whose factors are so guessed.
        retrieval_factors: Factors of those shown, guessed wherever there is no activity: for finding what to score.
        codes, said: What profiles say, and its factors, a row a code; none on a large board.
        content: Factors of postings as guessed from their content.
        moment, content_moment: Mean outer products of `postings` and `content` over those shown.
        panel: What members' profiles say of their factors and deeds, or None where no profile was read.
        posting_encoder, attribute_mapping: What postings say, and from it to `content`.
        item_neighbours: Postings x shown, nearness of factors, the nearest only.
        recent: Members x postings, falling with each step back.
        seen: Members x shown, what a member is not to be shown again.
        nearby: Places x places that the same members look at.
        inverted_index: Attributes of all fields x shown, the newest only.
        popular: Damped recent popularity of each posting, 0 to 1.
    """

    interactions: Interactions
    cold_start_below: int
    members: NDArray[np.float32]
    postings: NDArray[np.float32]
    cold_postings: NDArray[np.bool_]
    retrieval_factors: NDArray[np.float32]
    codes: ProfileOneHotEncoder
    said: NDArray[np.float32]
    content: NDArray[np.float32]
    moment: NDArray[np.float32]
    content_moment: NDArray[np.float32]
    panel: ReferenceMembers | None
    posting_encoder: PostingEncoder
    attribute_mapping: AttributeMapping
    item_neighbours: sparse.csr_array
    recent: sparse.csr_array
    seen: sparse.csr_array
    nearby: sparse.csr_array
    inverted_index: sparse.csr_array
    popular: NDArray[np.float32]

    def side(self) -> GramBasis:
        """Codes and postings as members' factors are solved against them."""
        tried = np.where(self.cold_postings[:, None], np.float32(0), self.postings)
        return GramBasis.of(np.vstack([self.said, tried]))

    def about(
        self,
        interactions: Interactions,
        people: Sequence[Member],
        side: GramBasis,
        shown: NDArray[np.int64],
        *,
        show_viewed: bool,
    ) -> Representations:
        """The same evidence about other members, who did what `interactions` says and have these profiles."""
        confidence = _confidence(interactions, self.codes.transform(people))
        return replace(
            self,
            interactions=interactions,
            members=solve_each(confidence, side, REGULARIZATION),
            recent=interactions.matrix(interactions.recent()),
            seen=_done_with(interactions, shown, show_viewed=show_viewed),
        )


@dataclass(frozen=True, kw_only=True)
class SideInformation:
    """What postings and profiles say, whoever did what with which: worked out once.

    Attributes:
        posting_encoder: The columns of postings' features.
        posting_features: Of all postings, n_postings x n_features.
        reference_encoder: What profiles are compared in.
        reference_positions: Positions of the members who may be the panel; those whose activity is hidden while weights are learned
            come last.
        reference_profiles: Their profiles; empty where no profile was read.
        reference_counts: Postings that each of them acted on.
        profile_encoder, profile_features: What profiles say, and members x codes; none on a large board.
    """

    posting_encoder: PostingEncoder
    posting_features: sparse.csr_array
    profile_encoder: ProfileOneHotEncoder
    profile_features: sparse.csr_array
    reference_encoder: ProfileFeatureEncoder
    reference_positions: NDArray[np.int32]
    reference_profiles: Sequence[Member]
    reference_counts: NDArray[np.int64]

    @cached_property
    def kernel(self) -> ProfileKernel | None:
        """How alike the panel's profiles are to each other, or None where no profile was read."""
        return (
            ProfileKernel.compute(self.reference_encoder, self.reference_profiles, self.reference_counts)
            if self.reference_profiles
            else None
        )


def read_side_information(
    interactions: Interactions,
    postings: Sequence[Posting],
    profiles: Callable[[Sequence[int]], Sequence[Member]],
    *,
    hyperparameters: Hyperparameters,
    seed: int,
    cold_members: NDArray[np.int32],
) -> SideInformation:
    """Read postings and the profiles of members with activity: of all on a small board, else of a sample.

    `cold_members` are members whose activity is hidden while weights are learned.
    """
    active = np.unique(interactions.member)
    sample = _sample(active, MOST_PROFILES_READ, seed)
    read = active if hyperparameters.with_profiles else sample
    profiles_read = [member for part in _parts(read) for member in profiles(part)]
    people = [profiles_read[at] for at in np.searchsorted(read, sample).tolist()]
    chosen = _panel_rows(sample, cold_members, seed)
    posting_encoder, posting_features = PostingEncoder.fit(postings)
    profile_encoder = ProfileOneHotEncoder.fit(profiles_read if hyperparameters.with_profiles else [])
    return SideInformation(
        posting_encoder=posting_encoder,
        posting_features=posting_features,
        profile_encoder=profile_encoder,
        profile_features=_placed(profile_encoder.transform(profiles_read), read, interactions.shape[0]),
        reference_encoder=ProfileFeatureEncoder.fit(people),
        reference_positions=sample[chosen],
        reference_profiles=[people[at] for at in chosen.tolist()],
        reference_counts=np.bincount(interactions.member, minlength=interactions.shape[0])[sample[chosen]],
    )


@contextmanager
def start_als(
    interactions: Interactions,
    side_information: SideInformation,
    *,
    hyperparameters: Hyperparameters,
    seed: int,
    start: Sequence[NDArray[np.float32]] | None = None,
    progress: Callable[[float], None],
) -> Iterator[Iterator[NDArray[np.float32]]]:
    """Factors of codes and postings, one below the other, of each model; on several cores they are `started`.

    Args:
        interactions: The history.
        side_information: What postings and profiles say.
        hyperparameters: How much is spent.
        seed: Of chance.
        start: The models of nearly the same history, from which fewer rounds lead to this one's.
        progress: Told the share that is done.
    """
    confidence = _confidence(interactions, side_information.profile_features)
    shape = confidence.shape[1], hyperparameters.factors
    rounds = hyperparameters.rounds if start is None else hyperparameters.warm_rounds

    def made(model: int) -> NDArray[np.float32]:
        first = random_factors(shape, seed + model) if start is None else start[model]
        return fit_als(confidence, first, penalty=REGULARIZATION, rounds=rounds, steps=hyperparameters.steps)

    with started(made, hyperparameters.models, progress=progress) as models:
        yield models


def fit_representations(
    interactions: Interactions,
    catalogue: Catalogue,
    side_information: SideInformation,
    models: Sequence[NDArray[np.float32]],
    *,
    cold_start_below: int,
    show_viewed: bool = False,
    asked: NDArray[np.integer] | None = None,
) -> Representations:
    """Learn from a history, and from what postings and profiles say.

    Args:
        interactions: The history.
        catalogue: The catalogue.
        side_information: What postings and profiles say.
        models: What `start_als` made of it.
        cold_start_below: Postings a member acted on from which on the panel is not asked about them.
        show_viewed: Whether postings viewed or scrapped before may be shown again.
        asked: Members that this evidence will be asked about, if not all: what concerns others alone is left out.
    """
    confidence = _confidence(interactions, side_information.profile_features)
    factors = merge_models(models)
    codes, kinds = np.split(factors, [side_information.profile_features.shape[1]])
    codes, kinds = codes.copy(), kinds.copy()
    done = interactions.matrix(np.ones(len(interactions.member), np.float32))
    panel = side_information.reference_positions[
        : np.count_nonzero(np.diff(done.indptr)[side_information.reference_positions])
    ]
    if asked is not None:
        rows = np.union1d(asked, panel)
        confidence = _placed(confidence[rows], rows, interactions.shape[0])
    members = solve_each(confidence, GramBasis.of(factors), REGULARIZATION)
    # Profiles are to say what members do, not what profiles say.
    tastes = (
        solve_each(_did(interactions)[panel], GramBasis.of(kinds), REGULARIZATION)
        if len(codes)
        else members[panel]
    )
    counts = np.bincount(interactions.posting, minlength=interactions.shape[1])
    tried = counts > 0
    attribute_mapping = fit_attribute_mapping(
        side_information.posting_features[tried], kinds[tried], penalty=_POSTING_PENALTY
    )
    content = attribute_mapping.predict(side_information.posting_features)
    # A new posting nobody acted on yet stands for what its content says. An older one had its chance; to treat
    # it alike would make "nobody acted on it" a signal, which in held-out data only tells what was held out.
    cold_postings = ~tried & catalogue.new
    kinds[cold_postings] = content[cold_postings]
    guide = _panel(side_information, done, catalogue, panel, tastes)
    of_asked = None if asked is None else np.unique(interactions.posting[np.isin(interactions.member, asked)])
    return Representations(
        interactions=interactions,
        cold_start_below=cold_start_below,
        members=members,
        postings=kinds,
        cold_postings=cold_postings,
        retrieval_factors=np.where(tried[:, None], kinds, content)[catalogue.shown],
        codes=side_information.profile_encoder,
        said=codes,
        content=content,
        moment=_moment(kinds[catalogue.shown]),
        content_moment=_moment(content[catalogue.shown]),
        panel=guide,
        posting_encoder=side_information.posting_encoder,
        attribute_mapping=attribute_mapping,
        item_neighbours=find_item_neighbours(kinds, catalogue.shown, NEIGHBOURS_KEPT, of=of_asked),
        recent=interactions.matrix(interactions.recent()),
        seen=_done_with(interactions, catalogue.shown, show_viewed=show_viewed),
        nearby=_nearby(done, catalogue),
        inverted_index=_lookup(catalogue),
        popular=_popular(interactions),
    )


def _did(interactions: Interactions) -> sparse.csr_array:
    """Members x postings: the confidence of what members did."""
    return interactions.matrix(interactions.weight * np.float32(ALPHA))


def _confidence(interactions: Interactions, said: sparse.csr_array) -> sparse.csr_array:
    """Members x (codes, postings): what those with activity say and did. Who did nothing has an empty row."""
    did = _did(interactions)
    if not said.shape[1]:
        return did
    active = np.diff(did.indptr) > 0
    lengths = np.diff(said.indptr)
    columns = said.indices[np.repeat(active, lengths)]
    ends = np.r_[0, np.cumsum(lengths * active)]
    own = sparse.csr_array(
        (np.full(len(columns), np.float32(PROFILE_ALPHA)), columns, ends), shape=said.shape
    )
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


def _panel_rows(sample: NDArray[np.int32], cold_members: NDArray[np.int32], seed: int) -> NDArray[np.int64]:
    """Which of the sample may be the panel, strangers last."""
    rows = np.random.default_rng(seed).permutation(len(sample))[:MOST_REFERENCE_MEMBERS]
    return rows[np.argsort(np.isin(sample[rows], cold_members), kind="stable")]


def _panel(
    side_information: SideInformation,
    done: sparse.csr_array,
    catalogue: Catalogue,
    members: NDArray[np.int32],
    factors: NDArray[np.float32],
) -> ReferenceMembers | None:
    if side_information.kernel is None or not len(members):
        return None
    did = done[members]
    each = np.maximum(np.diff(did.indptr), 1) ** -0.5
    shown = sparse.csr_array(scale_rows(did, each)[:, catalogue.shown])
    return side_information.kernel.fit(factors, shown)


def _sample(positions: NDArray[np.int32], most: int, seed: int) -> NDArray[np.int32]:
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))


def _parts(positions: NDArray[np.int32]) -> list[list[int]]:
    return [positions[start : start + _BATCH].tolist() for start in range(0, len(positions), _BATCH)]


def _done_with(
    interactions: Interactions, shown: NDArray[np.int64], *, show_viewed: bool
) -> sparse.csr_array:
    """Whoever applied to a job is done with all of its postings; who looked at another one may see this one."""
    ends = interactions.kind == Kind.APPLY
    if not show_viewed:
        ends = ends | interactions.itself
    pairs = sparse.csr_array(
        (np.ones(int(ends.sum()), np.float32), (interactions.member[ends], interactions.posting[ends])),
        shape=interactions.shape,
    )
    return sparse.csr_array(pairs[:, shown])


def _nearby(done: sparse.csr_array, catalogue: Catalogue) -> sparse.csr_array:
    """How often the same members look at two places, over how often at either."""
    seen = done @ catalogue.fields["place"].matrix
    seen.data[:] = 1
    often = np.maximum(np.asarray(seen.sum(axis=0)).ravel(), 1)
    scaled = scale_columns(sparse.csr_array(seen), (often + 1) ** -0.5)
    together = sparse.csr_array(scaled.T @ scaled)
    together.setdiag(0)
    together.eliminate_zeros()
    return together


def _lookup(catalogue: Catalogue) -> sparse.csr_array:
    newest_first = np.lexsort((catalogue.shown, -catalogue.opened_s[catalogue.shown]))
    place = np.empty(len(newest_first), np.int64)
    place[newest_first] = np.arange(len(newest_first))
    inverted = [
        sparse.csr_array(field.matrix[catalogue.shown].T.tocsr()) for field in catalogue.fields.values()
    ]
    newest = [top_entries_per_row(each, place[each.indices], _INVERTED_KEPT) for each in inverted]
    return sparse.csr_array(sparse.vstack(newest, format="csr"))


def _popular(interactions: Interactions) -> NDArray[np.float32]:
    """Ln(1 + weighted activity), over its largest: ten times the activity is not ten times the worth."""
    done = np.bincount(interactions.posting, weights=interactions.weight, minlength=interactions.shape[1])
    damped: NDArray[np.float64] = np.log1p(done)
    shares: NDArray[np.float32] = (damped / max(damped.max(initial=0.0), 1e-9)).astype(np.float32)
    return shares
