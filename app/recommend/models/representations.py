"""The fitted representations: factors and all else that is fitted on activity and side information."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.model import ActivityKind
from app.recommend.models.als import GramBasis, fit_als, merge_models, random_factors, solve_each
from app.recommend.models.cold_start import fit_attribute_mapping
from app.recommend.models.hyperparameters import ALPHA, PROFILE_ALPHA, REGULARIZATION
from app.recommend.models.item_neighbours import find_item_neighbours
from app.recommend.parallel import start_parallel
from app.recommend.sparse import place_rows, scale_columns, scale_rows, top_entries_per_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.features.postings import PostingEncoder
    from app.recommend.features.profiles import ProfileOneHotEncoder
    from app.recommend.interactions import Interactions
    from app.recommend.models.cold_start import AttributeMapping, ReferenceMembers
    from app.recommend.models.hyperparameters import Hyperparameters
    from app.recommend.models.side_information import SideInformation

NEIGHBOURS_KEPT = 200  # nearest postings kept for each
_MAPPING_REGULARIZATION = 1.0
_INVERTED_KEPT = 1_000  # newest postings that each attribute leads to


@dataclass(frozen=True, slots=True, kw_only=True)
class Representations:
    """The fitted representations of members and postings.

    Rows are the n_members members or the n_postings postings of the whole board; "shown" are the n_shown postings that
    may be shown, in the order of the catalogue.

    Attributes:
        interactions: What this was fitted on.
        cold_start_below: Predictions from profiles are asked for of members who acted on fewer postings than this.
        member_factors: (n_members, n_factors) float32; zeros without activity.
        posting_factors: (n_postings, n_factors) float32; zeros without activity, but predicted where the posting is new.
        cold_postings: (n_postings,) bool, postings whose factors are so predicted.
        retrieval_factors: (n_shown, n_factors) float32, predicted wherever there is no activity: for finding candidates.
        profile_encoder: Encodes profiles as one-hot columns.
        profile_feature_factors: (n_codes, n_factors) float32, the factors of these columns; none on a large board.
        content_factors: (n_postings, n_factors) float32, predicted from what postings say.
        posting_moment: (n_factors, n_factors) float32, the mean outer product of `posting_factors` over those shown.
        content_moment: The same of `content_factors`.
        reference_members: Predict factors from profiles; None where no profile was read.
        posting_encoder: Encodes postings.
        attribute_mapping: Maps a posting's features to `content_factors`.
        item_neighbours: (n_postings, n_shown) float32, the squared cosine of factors, of the nearest only.
        recent: (n_members, n_postings) float32, a weight that falls with each step back.
        seen: (n_members, n_shown) float32, 1 where a member is not to be shown the posting again.
        nearby_places: (n_places, n_places) float32, how often the same members look at both.
        inverted_index: (n_attributes, n_shown) float32, the attributes of all fields one below the other, with the
            newest postings of each.
        popular: (n_postings,) float32, damped recent popularity from 0 to 1.
    """

    interactions: Interactions
    cold_start_below: int
    member_factors: NDArray[np.float32]
    posting_factors: NDArray[np.float32]
    cold_postings: NDArray[np.bool_]
    retrieval_factors: NDArray[np.float32]
    profile_encoder: ProfileOneHotEncoder
    profile_feature_factors: NDArray[np.float32]
    content_factors: NDArray[np.float32]
    posting_moment: NDArray[np.float32]
    content_moment: NDArray[np.float32]
    reference_members: ReferenceMembers | None
    posting_encoder: PostingEncoder
    attribute_mapping: AttributeMapping
    item_neighbours: sparse.csr_array
    recent: sparse.csr_array
    seen: sparse.csr_array
    nearby_places: sparse.csr_array
    inverted_index: sparse.csr_array
    popular: NDArray[np.float32]

    def gram_basis(self) -> GramBasis:
        """The basis in which the factors of members are solved: of the profile columns' factors and the postings'."""
        fitted = np.where(self.cold_postings[:, None], np.float32(0), self.posting_factors)
        return GramBasis.of(np.vstack([self.profile_feature_factors, fitted]))

    def fold_in(
        self,
        interactions: Interactions,
        profiles: Sequence[Member],
        basis: GramBasis,
        shown: NDArray[np.int64],
        *,
        show_viewed: bool,
    ) -> Representations:
        """The same representations for other members: their factors are solved, the postings' stay.

        Args:
            interactions: What these members did.
            profiles: Their profiles, by position in `interactions`.
            basis: The postings' `gram_basis`.
            shown: (n_shown,), positions of the postings shown.
            show_viewed: Whether postings viewed or scrapped before may be shown again.
        """
        confidence = _confidence(interactions, self.profile_encoder.transform(profiles))
        return replace(
            self,
            interactions=interactions,
            member_factors=solve_each(confidence, basis, REGULARIZATION),
            recent=interactions.matrix(interactions.recent()),
            seen=_seen(interactions, shown, show_viewed=show_viewed),
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
    """Start to fit the models; on several cores the caller may do something else until it takes them.

    Args:
        interactions: What members did.
        side_information: What postings and profiles say.
        hyperparameters: How many models, factors and rounds.
        seed: Of the random factors.
        start: Models of nearly the same interactions, from which fewer rounds lead to these.
        progress: Called with the share that is done.

    Yields:
        The factors of each model, (n_codes + n_postings, n_factors) float32: of profile columns, then of postings.
    """
    confidence = _confidence(interactions, side_information.profile_features)
    shape = confidence.shape[1], hyperparameters.factors
    rounds = hyperparameters.rounds if start is None else hyperparameters.warm_rounds

    def fit_model(model: int) -> NDArray[np.float32]:
        first = random_factors(shape, seed + model) if start is None else start[model]
        return fit_als(
            confidence, first, regularization=REGULARIZATION, rounds=rounds, steps=hyperparameters.steps
        )

    with start_parallel(fit_model, hyperparameters.models, progress=progress) as models:
        yield models


def fit_representations(
    interactions: Interactions,
    catalogue: Catalogue,
    side_information: SideInformation,
    models: Sequence[NDArray[np.float32]],
    *,
    cold_start_below: int,
    show_viewed: bool = False,
    only: NDArray[np.integer] | None = None,
) -> Representations:
    """Fit all representations on the factors of postings.

    Args:
        interactions: What members did.
        catalogue: The catalogue.
        side_information: What postings and profiles say.
        models: The factors that `start_als` made.
        cold_start_below: Predictions from profiles are asked for of members who acted on fewer postings than this.
        show_viewed: Whether postings viewed or scrapped before may be shown again.
        only: Positions of the members that will be asked about, if not all: what concerns others alone is left out.
    """
    shown = catalogue.shown
    acted = interactions.matrix(np.ones(len(interactions.member), np.float32))
    members = _fit_members(interactions, side_information, merge_models(models), acted, shown, only)
    postings = _fit_postings(interactions, catalogue, side_information, members.posting_factors)
    of = None if only is None else np.unique(interactions.posting[np.isin(interactions.member, only)])
    return Representations(
        interactions=interactions,
        cold_start_below=cold_start_below,
        member_factors=members.factors,
        posting_factors=postings.factors,
        cold_postings=postings.cold,
        retrieval_factors=postings.retrieval_factors,
        profile_encoder=side_information.profile_encoder,
        profile_feature_factors=members.profile_feature_factors,
        content_factors=postings.content_factors,
        posting_moment=_moment(postings.factors[shown]),
        content_moment=_moment(postings.content_factors[shown]),
        reference_members=members.reference,
        posting_encoder=side_information.posting_encoder,
        attribute_mapping=postings.attribute_mapping,
        item_neighbours=find_item_neighbours(postings.factors, shown, NEIGHBOURS_KEPT, of=of),
        recent=interactions.matrix(interactions.recent()),
        seen=_seen(interactions, shown, show_viewed=show_viewed),
        nearby_places=_nearby_places(acted, catalogue),
        inverted_index=_inverted_index(catalogue),
        popular=_popular(interactions),
    )


@dataclass(frozen=True, slots=True)
class _Members:
    """What is fitted of members.

    Attributes:
        factors: (n_members, n_factors) float32; zeros for members who are not asked about.
        profile_feature_factors: (n_codes, n_factors) float32.
        posting_factors: (n_postings, n_factors) float32, which the members' factors are solved in.
        reference: Predict factors from profiles; None where no profile was read.
    """

    factors: NDArray[np.float32]
    profile_feature_factors: NDArray[np.float32]
    posting_factors: NDArray[np.float32]
    reference: ReferenceMembers | None


def _fit_members(
    interactions: Interactions,
    side_information: SideInformation,
    factors: NDArray[np.float32],
    acted: sparse.csr_array,
    shown: NDArray[np.int64],
    only: NDArray[np.integer] | None,
) -> _Members:
    """Solve the factors of members, and fit the reference members.

    Args:
        interactions: What members did.
        side_information: What profiles say.
        factors: (n_codes + n_postings, n_factors) float32.
        acted: (n_members, n_postings) float32, 1 where a member acted on a posting.
        shown: (n_shown,), positions of the postings shown.
        only: Positions of the members that will be asked about, if not all.
    """
    reference = side_information.reference_positions
    reference = reference[: np.count_nonzero(np.diff(acted.indptr)[reference])]
    members = None if only is None else np.union1d(only, reference)
    solved = _solve_members(interactions, side_information, factors, members)
    of_profiles, of_postings = (
        each.copy() for each in np.split(factors, [side_information.profile_features.shape[1]])
    )
    # Without profile features: reference members predict from a profile what members do, not what it says.
    reference_factors = (
        solve_each(_weigh(interactions)[reference], GramBasis.of(of_postings), REGULARIZATION)
        if len(of_profiles)
        else solved[reference]
    )
    reference_members = _fit_reference_members(side_information, acted[reference], shown, reference_factors)
    return _Members(solved, of_profiles, of_postings, reference_members)


@dataclass(frozen=True, slots=True)
class _Postings:
    """What is fitted of postings, by the names that `Representations` has for it."""

    factors: NDArray[np.float32]
    cold: NDArray[np.bool_]
    content_factors: NDArray[np.float32]
    retrieval_factors: NDArray[np.float32]
    attribute_mapping: AttributeMapping


def _fit_postings(
    interactions: Interactions,
    catalogue: Catalogue,
    side_information: SideInformation,
    factors: NDArray[np.float32],
) -> _Postings:
    """Fit the mapping from content to factors, and use its predictions for cold postings."""
    features = side_information.posting_features
    has_activity = np.bincount(interactions.posting, minlength=interactions.shape[1]) > 0
    attribute_mapping = fit_attribute_mapping(
        features[has_activity], factors[has_activity], regularization=_MAPPING_REGULARIZATION
    )
    content_factors = attribute_mapping.predict(features)
    # A new posting without activity gets the factors predicted from its content. An older one keeps zeros: predicted
    # factors would make "no activity" a signal, which in held-out data only reveals what was held out.
    cold = ~has_activity & catalogue.new
    factors = np.where(cold[:, None], content_factors, factors)
    retrieval_factors = np.where(has_activity[:, None], factors, content_factors)[catalogue.shown]
    return _Postings(factors, cold, content_factors, retrieval_factors, attribute_mapping)


def _weigh(interactions: Interactions) -> sparse.csr_array:
    """The confidence of what members did, (n_members, n_postings) float32."""
    return interactions.matrix(interactions.weight * np.float32(ALPHA))


def _confidence(interactions: Interactions, profile_features: sparse.csr_array) -> sparse.csr_array:
    """The confidence of profiles and activity of members with activity, (n_members, n_codes + n_postings) float32.

    The row of a member without activity is empty.
    """
    did = _weigh(interactions)
    if not profile_features.shape[1]:
        return did
    active = np.diff(did.indptr) > 0
    lengths = np.diff(profile_features.indptr)
    columns = profile_features.indices[np.repeat(active, lengths)]
    ends = np.r_[0, np.cumsum(lengths * active)]
    stated = sparse.csr_array(
        (np.full(len(columns), np.float32(PROFILE_ALPHA)), columns, ends), shape=profile_features.shape
    )
    return sparse.csr_array(sparse.hstack([stated, did], format="csr"))


def _solve_members(
    interactions: Interactions,
    side_information: SideInformation,
    factors: NDArray[np.float32],
    members: NDArray[np.integer] | None,
) -> NDArray[np.float32]:
    """Factors of all members, or of these with zeros for all others: (n_members, n_factors) float32."""
    confidence = _confidence(interactions, side_information.profile_features)
    if members is not None:
        confidence = place_rows(confidence[members], members, count=interactions.shape[0])
    return solve_each(confidence, GramBasis.of(factors), REGULARIZATION)


def _moment(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    moment: NDArray[np.float32] = factors.T @ factors / np.float32(max(1, len(factors)))
    return moment


def _fit_reference_members(
    side_information: SideInformation,
    acted: sparse.csr_array,
    shown: NDArray[np.int64],
    factors: NDArray[np.float32],
) -> ReferenceMembers | None:
    if side_information.kernel is None or not acted.shape[0]:
        return None
    each = np.maximum(np.diff(acted.indptr), 1) ** -0.5
    return side_information.kernel.fit(factors, sparse.csr_array(scale_rows(acted, each)[:, shown]))


def _seen(interactions: Interactions, shown: NDArray[np.int64], *, show_viewed: bool) -> sparse.csr_array:
    """Who applied to a job is not shown any of its postings again; who looked at another of them may be shown this one."""
    ends = interactions.kind == ActivityKind.APPLY
    if not show_viewed:
        ends = ends | interactions.itself
    pairs = sparse.csr_array(
        (np.ones(int(ends.sum()), np.float32), (interactions.member[ends], interactions.posting[ends])),
        shape=interactions.shape,
    )
    return sparse.csr_array(pairs[:, shown])


def _nearby_places(acted: sparse.csr_array, catalogue: Catalogue) -> sparse.csr_array:
    """How often the same members look at two places, over how often at either."""
    looked = acted @ catalogue.fields["place"].matrix
    looked.data[:] = 1
    often = np.maximum(np.asarray(looked.sum(axis=0)).ravel(), 1)
    scaled = scale_columns(sparse.csr_array(looked), (often + 1) ** -0.5)
    together = sparse.csr_array(scaled.T @ scaled)
    together.setdiag(0)
    together.eliminate_zeros()
    return together


def _inverted_index(catalogue: Catalogue) -> sparse.csr_array:
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
