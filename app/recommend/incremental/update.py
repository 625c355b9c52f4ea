"""A kept model over the board as it is now: new postings come to it, and whichever members are to be ranked.

Whatever speaks for a posting the model knew stays as it was to the last bit: what is rare and common, popularity,
freshness as of the last whole refresh, prices of congestion. So the list of a member who did nothing is still what
the model says, unless it holds a posting that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.veto import vetoed
from app.recommend.features.catalogue import extend_catalogue, opening_times
from app.recommend.features.same_job import leads
from app.recommend.incremental.saved_model import contents
from app.recommend.interactions import build_interactions
from app.recommend.models.item_neighbours import unit_vectors
from app.recommend.models.representations import NEIGHBOURS_KEPT, Representations
from app.recommend.topk import top_k

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from app.board.model import ActivityLog, Member, Posting
    from app.recommend.features.catalogue import Catalogue
    from app.recommend.incremental.saved_model import Kept
    from app.recommend.models.als import GramBasis
    from app.recommend.recommender import Recommender

LIKE = 10  # open postings like a new one: who has any of them at the head of a list is offered the new one
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A kept model over the board's postings as they are now.

    Attributes:
        model: Without members.
        position_of: Where the job of each of the board's postings stands in it, by the posting's id.
        stands_for: Ids of the postings that stand for their jobs.
        late: Positions of postings that are shown now and were not when the model was learned.
        replaced: Ids of those of them that were known then and say something else now.
        side: What members' factors are solved against.
        now_s: The moment of the board, seconds since 1970.
    """

    model: Recommender
    position_of: Mapping[str, int]
    stands_for: frozenset[str]
    late: NDArray[np.int64]
    replaced: frozenset[str]
    side: GramBasis
    now_s: int

    def about(self, log: ActivityLog, people: Sequence[Member]) -> Recommender:
        """The model about these members, who did what the log says by positions in this model."""
        representations, catalogue = self.model.representations, self.model.catalogue
        interactions = build_interactions(
            log,
            members=len(people),
            postings=len(catalogue.ids),
            now_s=self.now_s,
            scale=representations.interactions.scale,
        )
        show_viewed = self.model.options.show_viewed
        about = representations.about(
            interactions, people, self.side, catalogue.shown, show_viewed=show_viewed
        )
        return replace(self.model, representations=about)

    def open_ids(self) -> list[str]:
        """Every posting that may be shown."""
        catalogue = self.model.catalogue
        return [catalogue.ids[at] for at in catalogue.shown[~self.model.gone[catalogue.shown]].tolist()]

    def like(self, ids: Collection[str]) -> set[str]:
        """The open postings most like each of those that came late and are named, by the attributes they share."""
        catalogue = self.model.catalogue
        late = np.array([at for at in self.late.tolist() if catalogue.ids[at] in ids], np.int64)
        known = catalogue.shown[: len(catalogue.shown) - len(self.late)]
        known = known[~self.model.gone[known]]
        if not len(late) or not len(known):
            return set()
        found: set[str] = set()
        for start in range(0, len(late), _BATCH):
            part = late[start : start + _BATCH]
            similarity = np.zeros((len(part), len(known)), np.float32)
            for field in catalogue.fields.values():
                similarity += (field.matrix[part] @ field.matrix[known].T).toarray()
            found |= {catalogue.ids[at] for row in top_k(similarity, LIKE) for at in known[row].tolist()}
        return found


def carry(kept: Kept, postings: Sequence[Posting], *, now: datetime) -> Carried:
    """Bring a kept model to the board's postings, sorted by id.

    A posting that was not there, or says something else now, is a new one to the model: it stands for what its
    content says, or where there was one with its id before, for what members' activity said of that. A job stands where
    it stood, whichever of its postings stands for it now.
    """
    model = kept.model
    open_ = np.array([not vetoed(each, now) for each in postings], np.bool_)
    lead = leads(postings, open_, opening_times(postings, now))
    places = _places(kept, postings, lead)
    added = [postings[at] for at in places.new.tolist()]
    count = len(model.catalogue.ids) + len(added)
    jobs = np.flatnonzero(lead == np.arange(len(postings)))
    is_open, was_shown = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    is_open[places.of[jobs]] = open_[jobs]
    was_shown[model.catalogue.shown] = True
    late = np.flatnonzero(is_open & ~was_shown)
    catalogue = extend_catalogue(
        model.catalogue, added, shown=np.r_[model.catalogue.shown, late], now=model.now
    )
    ids = list(catalogue.ids)
    for at in jobs.tolist():
        ids[places.of[at]] = postings[at].id
    representations = _extended(model.representations, catalogue, added, places.before, late)
    carried = replace(
        model,
        postings={places.of[at]: postings[at] for at in jobs.tolist()},
        catalogue=replace(catalogue, ids=ids),
        representations=representations,
        prices=model.prices.extend(len(added)),
        gone=was_shown & ~is_open,
    )
    return Carried(
        model=carried,
        position_of={posting.id: at for posting, at in zip(postings, places.of.tolist(), strict=True)},
        stands_for=frozenset(postings[at].id for at in jobs.tolist()),
        late=late,
        replaced=frozenset(postings[at].id for at in places.new[places.before >= 0].tolist()),
        side=_side(model.representations, representations),
        now_s=int(now.timestamp()),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the board's postings stand in a model.

    Attributes:
        of: The place of each posting's job.
        new: Positions, on the board, of the postings that stand for a job behind all the model knew.
        before: Where what members' activity says of each of them comes from, -1 for nowhere.
    """

    of: NDArray[np.int64]
    new: NDArray[np.int64]
    before: NDArray[np.int64]


def _places(kept: Kept, postings: Sequence[Posting], lead: NDArray[np.int64]) -> _Places:
    """Where each job stood in the model, and stands: behind all others if the model knew none of its postings as it is."""
    catalogue = kept.model.catalogue
    position_of = {posting_id: at for at, posting_id in enumerate(catalogue.ids)}
    known = np.array([position_of.get(posting.id, -1) for posting in postings], np.int64)
    same = (known >= 0) & (kept.contents[known] == contents(postings)).all(axis=1)
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


def _side(before: Representations, after: Representations) -> GramBasis:
    known, codes = len(before.postings), len(before.said)
    count = codes + len(after.postings)
    rows = np.arange(codes + known, count)
    return before.side().changed(rows, after.postings[known:], count=count)


def _extended(
    representations: Representations,
    catalogue: Catalogue,
    postings: Sequence[Posting],
    before: NDArray[np.int64],
    late: NDArray[np.int64],
) -> Representations:
    """Evidence about more postings; `before` is where each of them stood, -1 for nowhere."""
    if not len(postings) and not len(late):
        return representations
    guessed = representations.attribute_mapping.predict(representations.posting_encoder.transform(postings))
    content = np.vstack([representations.content, guessed])
    tried = np.asarray(representations.postings.any(axis=1), np.bool_) & ~representations.cold_postings
    kept = (before >= 0) & tried[before]
    kinds = np.vstack(
        [representations.postings, np.where(kept[:, None], representations.postings[before], guessed)]
    )
    popular = np.r_[
        representations.popular, np.where(before >= 0, representations.popular[before], np.float32(0))
    ]
    has_factors = np.asarray(kinds[late].any(axis=1), np.bool_)
    panel = representations.panel
    inverted_index = [field.matrix[late].T for field in catalogue.fields.values()]
    shown = len(catalogue.shown) - len(late)
    return replace(
        representations,
        postings=kinds,
        cold_postings=np.r_[representations.cold_postings, ~kept],
        content=content,
        retrieval_factors=np.vstack(
            [representations.retrieval_factors, np.where(has_factors[:, None], kinds[late], content[late])]
        ),
        item_neighbours=_kin(representations.item_neighbours, kinds, catalogue.shown[:shown], late),
        panel=panel and replace(panel, done=_wider(panel.done, len(late))),
        inverted_index=sparse.csr_array(
            sparse.hstack([representations.inverted_index, sparse.vstack(inverted_index)], format="csr")
        ),
        popular=popular,
    )


def _wider(matrix: sparse.csr_array, columns: int) -> sparse.csr_array:
    rows, width = matrix.shape
    return sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(rows, width + columns))


def _kin(
    item_neighbours: sparse.csr_array,
    factors: NDArray[np.float32],
    shown: NDArray[np.int64],
    late: NDArray[np.int64],
) -> sparse.csr_array:
    """Nearness of factors with columns for those that came late, and rows for new postings."""
    unit = unit_vectors(factors)
    blocks = []
    for start in range(0, len(late), _BATCH):
        part = late[start : start + _BATCH]
        near = unit[part] @ unit.T
        near[np.arange(len(part)), part] = 0
        blocks.append(_squares(near, top_k(near, NEIGHBOURS_KEPT)))
    if not blocks:
        return sparse.csr_array((item_neighbours.data, item_neighbours.indices, np.r_[item_neighbours.indptr, [item_neighbours.indptr[-1]] * (len(unit) - item_neighbours.shape[0])]),
                                shape=(len(unit), item_neighbours.shape[1]))  # fmt: skip
    nearest = sparse.csr_array(sparse.vstack(blocks, format="csr"))
    own_row = np.full(len(unit), -1)
    own_row[late] = np.arange(len(late))
    of_new = own_row[item_neighbours.shape[0] :]
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
