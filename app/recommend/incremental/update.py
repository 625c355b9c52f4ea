"""A saved model brought up to date: it is not fitted anew, but new postings and any members are folded in.

Whatever speaks for a posting that the model knew stays as it was to the last bit: what is rare and common, popularity,
freshness as of the last whole refresh, prices of congestion. So the list of a member who did nothing is still what
the model says, unless it holds a posting that was withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.veto import vetoed
from app.recommend.features.catalogue import extend_catalogue, opening_times
from app.recommend.features.same_job import leads
from app.recommend.incremental.saved_model import digest_contents
from app.recommend.interactions import build_interactions
from app.recommend.models.representations import NEIGHBOURS_KEPT, Representations
from app.recommend.sparse import unit_vectors
from app.recommend.topk import top_k

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from app.board.model import ActivityLog, Member, Posting
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.incremental.saved_model import SavedModel
    from app.recommend.models.als import GramBasis
    from app.recommend.recommender import Recommender

SIMILAR = 10  # open postings: a member who has any of them at the head of a list is offered the new one
_BATCH = 200  # new postings compared with all others at once


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatedModel:
    """A saved model over the board's postings as they are now.

    Attributes:
        recommender: Without members.
        position_of: The position of each posting's job in it, by the posting's id.
        stands_for: Ids of the postings that stand for their jobs.
        added: (n_added,) int64, positions of postings that are shown now and were not when the model was fitted.
        replaced: Ids of those of them that the model knew and that say something else now.
        basis: The basis in which members' factors are solved.
        now_s: The moment of the board, seconds since 1970.
    """

    recommender: Recommender
    position_of: Mapping[str, int]
    stands_for: frozenset[str]
    added: NDArray[np.int64]
    replaced: frozenset[str]
    basis: GramBasis
    now_s: int

    def fold_in(self, log: ActivityLog, members: Sequence[Member]) -> Recommender:
        """The recommender for these members, who did what the log says, by positions in it."""
        representations, catalogue = self.recommender.representations, self.recommender.catalogue
        interactions = build_interactions(
            log,
            members=len(members),
            postings=len(catalogue.ids),
            now_s=self.now_s,
            scale=representations.interactions.scale,
            click_weight=self.recommender.weights.click,
        )
        show_viewed = self.recommender.options.show_viewed
        folded_in = representations.fold_in(
            interactions, members, self.basis, catalogue.shown, show_viewed=show_viewed
        )
        return replace(self.recommender, representations=folded_in)

    def open_ids(self) -> list[str]:
        """Ids of all postings that may be shown."""
        catalogue, withdrawn = self.recommender.catalogue, self.recommender.withdrawn
        return [catalogue.ids[at] for at in catalogue.shown[~withdrawn[catalogue.shown]].tolist()]

    def similar(self, ids: Collection[str]) -> set[str]:
        """Ids of the open postings most similar to each added one of these, by the attributes they share."""
        catalogue, withdrawn = self.recommender.catalogue, self.recommender.withdrawn
        added = np.array([at for at in self.added.tolist() if catalogue.ids[at] in ids], np.int64)
        known = catalogue.shown[: len(catalogue.shown) - len(self.added)]
        known = known[~withdrawn[known]]
        if not len(added) or not len(known):
            return set()
        found: set[str] = set()
        for start in range(0, len(added), _BATCH):
            part = added[start : start + _BATCH]
            similarity = np.zeros((len(part), len(known)), np.float32)
            for field in catalogue.fields.values():
                similarity += (field.matrix[part] @ field.matrix[known].T).toarray()
            found |= {catalogue.ids[at] for row in top_k(similarity, SIMILAR) for at in known[row].tolist()}
        return found


def update(saved: SavedModel, postings: Sequence[Posting], *, now: datetime) -> UpdatedModel:
    """Bring a saved model to the board's postings, sorted by id.

    A posting that the model does not know, or that says something else now, is a new one to it: its factors are those
    predicted from its content, or those of the posting that had its id before. A job keeps its position, whichever of
    its postings stands for it now.
    """
    fitted = saved.recommender
    open_ = np.array([not vetoed(each, now) for each in postings], np.bool_)
    lead = leads(postings, open_, opening_times(postings, now))
    places = _places(saved, postings, lead)
    new = [postings[at] for at in places.new.tolist()]
    count = len(fitted.catalogue.ids) + len(new)
    jobs = np.flatnonzero(lead == np.arange(len(postings)))
    is_open, was_shown = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    is_open[places.of[jobs]] = open_[jobs]
    was_shown[fitted.catalogue.shown] = True
    added = np.flatnonzero(is_open & ~was_shown)
    catalogue = extend_catalogue(
        fitted.catalogue, new, shown=np.r_[fitted.catalogue.shown, added], now=fitted.now
    )
    ids = list(catalogue.ids)
    for at in jobs.tolist():
        ids[places.of[at]] = postings[at].id
    representations = _add_postings(fitted.representations, catalogue, new, places.before, added)
    updated = replace(
        fitted,
        postings={places.of[at]: postings[at] for at in jobs.tolist()},
        catalogue=replace(catalogue, ids=ids),
        representations=representations,
        prices=fitted.prices.extend(len(new)),
        withdrawn=was_shown & ~is_open,
    )
    return UpdatedModel(
        recommender=updated,
        position_of={posting.id: at for posting, at in zip(postings, places.of.tolist(), strict=True)},
        stands_for=frozenset(postings[at].id for at in jobs.tolist()),
        added=added,
        replaced=frozenset(postings[at].id for at in places.new[places.before >= 0].tolist()),
        basis=_extend_basis(fitted.representations, representations),
        now_s=int(now.timestamp()),
    )


def reopen(saved: SavedModel, postings: Sequence[Posting]) -> UpdatedModel:
    """A saved model over the very postings that it was fitted on, as of that moment.

    Args:
        saved: The model.
        postings: The board's, whatever became of them since: reasons name them; one that is gone is not named.
    """
    fitted = saved.recommender
    ids, lead = fitted.catalogue.ids, fitted.catalogue.lead
    now = {posting.id: posting for posting in postings}
    return UpdatedModel(
        recommender=replace(
            fitted, postings={at: now[posting_id] for at, posting_id in enumerate(ids) if posting_id in now}
        ),
        position_of=dict(zip(ids, lead.tolist(), strict=True)),
        stands_for=frozenset(ids[at] for at in fitted.catalogue.jobs.tolist()),
        added=np.zeros(0, np.int64),
        replaced=frozenset(),
        basis=fitted.representations.gram_basis(),
        now_s=int(fitted.now.timestamp()),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the board's n postings stand in a model.

    Attributes:
        of: (n,) int64, the place of each posting's job.
        new: (n_new,) int64, positions on the board of the postings that stand for a job behind all the model knew.
        before: (n_new,) int64, the place whose factors each of them takes over, -1 for none.
    """

    of: NDArray[np.int64]
    new: NDArray[np.int64]
    before: NDArray[np.int64]


def _places(saved: SavedModel, postings: Sequence[Posting], lead: NDArray[np.int64]) -> _Places:
    """The place of each job: where it stood, or behind all others if the model knew none of its postings as it is."""
    catalogue = saved.recommender.catalogue
    position_of = {posting_id: at for at, posting_id in enumerate(catalogue.ids)}
    known = np.array([position_of.get(posting.id, -1) for posting in postings], np.int64)
    same = (known >= 0) & (saved.contents[known] == digest_contents(postings)).all(axis=1)
    stood = np.where(same, catalogue.lead[known], -1)
    stands: dict[int, int] = {}
    taken: set[int] = set()
    own_first = np.lexsort((np.arange(len(lead)), lead != np.arange(len(lead))))
    for at in own_first[stood[own_first] >= 0].tolist():
        job, place = int(lead[at]), int(stood[at])
        if job not in stands and place not in taken:
            stands[job] = place
            taken.add(place)
    jobs = np.flatnonzero(lead == np.arange(len(lead)))
    new = np.array([at for at in jobs.tolist() if at not in stands], np.int64)
    stands |= {at: len(catalogue.ids) + number for number, at in enumerate(new.tolist())}
    of = np.array([stands[job] for job in lead.tolist()], np.int64)
    return _Places(of, new, np.where(known[new] >= 0, catalogue.lead[known[new]], -1))


def _extend_basis(before: Representations, after: Representations) -> GramBasis:
    known, codes = len(before.posting_factors), len(before.profile_feature_factors)
    count = codes + len(after.posting_factors)
    rows = np.arange(codes + known, count)
    return before.gram_basis().with_rows(rows, after.posting_factors[known:], count=count)


def _add_postings(
    representations: Representations,
    catalogue: Catalogue,
    new: Sequence[Posting],
    before: NDArray[np.int64],
    added: NDArray[np.int64],
) -> Representations:
    """Representations of more postings.

    Args:
        representations: Of the postings that the model knew.
        catalogue: Of all postings.
        new: The n_new postings behind those.
        before: (n_new,), the place whose factors each of them takes over, -1 for none.
        added: (n_added,), positions of the postings that are shown and were not.
    """
    if not len(new) and not len(added):
        return representations
    predicted = representations.attribute_mapping.predict(representations.posting_encoder.transform(new))
    content = np.vstack([representations.content_factors, predicted])
    known = representations.posting_factors
    fitted = np.asarray(known.any(axis=1), np.bool_) & ~representations.cold_postings
    kept = (before >= 0) & fitted[before]
    factors = np.vstack([known, np.where(kept[:, None], known[before], predicted)])
    popular = representations.popular
    has_factors = np.asarray(factors[added].any(axis=1), np.bool_)
    found_by = np.where(has_factors[:, None], factors[added], content[added])
    reference = representations.reference_members
    attributes = [field.matrix[added].T for field in catalogue.fields.values()]
    shown = catalogue.shown[: len(catalogue.shown) - len(added)]
    return replace(
        representations,
        posting_factors=factors,
        cold_postings=np.r_[representations.cold_postings, ~kept],
        content_factors=content,
        retrieval_factors=np.vstack([representations.retrieval_factors, found_by]),
        item_neighbours=_add_neighbours(representations.item_neighbours, factors, shown, added),
        reference_members=reference
        and replace(reference, interactions=_widen(reference.interactions, len(added))),
        inverted_index=sparse.csr_array(
            sparse.hstack([representations.inverted_index, sparse.vstack(attributes)], format="csr")
        ),
        popular=np.r_[popular, np.where(before >= 0, popular[before], np.float32(0))],
    )


def _widen(matrix: sparse.csr_array, columns: int) -> sparse.csr_array:
    rows, width = matrix.shape
    return sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(rows, width + columns))


def _add_neighbours(
    item_neighbours: sparse.csr_array,
    factors: NDArray[np.float32],
    shown: NDArray[np.int64],
    added: NDArray[np.int64],
) -> sparse.csr_array:
    """The similarity of postings with columns for added ones, and rows for new ones.

    Args:
        item_neighbours: (n_known, n_shown) float32.
        factors: (n_postings, n_factors) float32, of known and new postings.
        shown: (n_shown,), positions of the postings of its columns.
        added: (n_added,), positions of the postings that get a column.
    """
    unit = unit_vectors(factors)
    blocks = []
    for start in range(0, len(added), _BATCH):
        part = added[start : start + _BATCH]
        near = unit[part] @ unit.T
        near[np.arange(len(part)), part] = 0
        blocks.append(_squares(near, top_k(near, NEIGHBOURS_KEPT)))
    known, width = item_neighbours.shape
    if not blocks:
        indptr = np.r_[item_neighbours.indptr, [item_neighbours.indptr[-1]] * (len(unit) - known)]
        return sparse.csr_array(
            (item_neighbours.data, item_neighbours.indices, indptr), shape=(len(unit), width)
        )
    nearest = sparse.csr_array(sparse.vstack(blocks, format="csr"))
    own_row = np.full(len(unit), -1)
    own_row[added] = np.arange(len(added))
    of_new = own_row[known:]
    rows = nearest[np.maximum(of_new, 0)][:, shown]
    rows = sparse.diags_array((of_new >= 0).astype(np.float32)) @ rows
    return sparse.csr_array(sparse.hstack([sparse.vstack([item_neighbours, rows]), nearest.T], format="csr"))


def _squares(near: NDArray[np.float32], kept: list[NDArray[np.int64]]) -> sparse.csr_array:
    """The squares of each row's kept columns, of those above 0."""
    columns = np.concatenate([np.sort(each) for each in kept])
    ends = np.r_[0, np.cumsum([len(each) for each in kept])]
    values = near[np.repeat(np.arange(len(kept)), np.diff(ends)), columns]
    squares = sparse.csr_array((np.maximum(values, 0) ** 2, columns.astype(np.int32), ends), shape=near.shape)
    squares.eliminate_zeros()
    return squares
