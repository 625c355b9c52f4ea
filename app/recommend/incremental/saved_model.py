"""What a refresh learned, kept for the next one that only looks at what changed.

Nothing of any member is kept under their name: their factors follow from what they did and say, and are worked out again.
The rows of the panel (what some members' profiles say and what those members did) are in it without ids, until the
next whole refresh.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from hashlib import blake2b
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from app.recommend.features.catalogue import Catalogue
from app.recommend.features.codes import ProfileOneHotEncoder
from app.recommend.features.postings import AttributeMapping, PostingEncoder
from app.recommend.features.profiles import (
    ProfileFeatureEncoder,
    ProfileFeatures,
    ReferenceMembers,
    TextColumns,
)
from app.recommend.interactions import Interactions, Scale
from app.recommend.models.representations import Representations
from app.recommend.recommender import Options, Recommender
from app.recommend.reranking.congestion import Prices
from app.recommend.scoring.weights import Weights
from app.recommend.sparse import Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.board.model import Posting

_DIGEST_BYTES = 8
_PARTS = (
    Catalogue, ProfileOneHotEncoder, ProfileFeatureEncoder, Representations, Field, AttributeMapping, Interactions, Recommender, Options, ReferenceMembers, ProfileFeatures, PostingEncoder, Prices, Scale,
    TextColumns, Weights,
)  # fmt: skip
# What else a kept model is made of. By its whole name each: modules reach others, and so any program on the machine.
_OTHERS = frozenset({
    ("app.recommend.scoring.weights", "Signal"),
    ("datetime", "datetime"), ("datetime", "timedelta"), ("datetime", "timezone"),
    ("numpy", "dtype"), ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("scipy.sparse._csr", "csr_array"),
})  # fmt: skip


class KeptModelError(Exception):
    """A kept model cannot be read, most often because another version of the program wrote it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A model without its members and postings, and a digest of what each posting said, a row a position."""

    model: Recommender
    contents: NDArray[np.uint8]


def keep(model: Recommender, postings: Sequence[Posting]) -> Kept:
    """What is to be kept of a model that was learned from these postings."""
    representations = model.representations
    nobody = np.zeros(0, np.int32)
    interactions = replace(
        representations.interactions,
        member=nobody,
        posting=nobody,
        kind=nobody.astype(np.int8),
        itself=nobody.astype(np.bool_),
        at=nobody.astype(np.int64),
        weight=nobody.astype(np.float32),
        shape=(0, len(postings)),
    )
    stripped = replace(
        representations,
        interactions=interactions,
        members=representations.members[:0].copy(),
        recent=sparse.csr_array(np.zeros((0, len(postings)), np.float32)),
        seen=sparse.csr_array(np.zeros((0, len(model.catalogue.shown)), np.float32)),
    )
    return Kept(replace(model, postings={}, representations=stripped), contents(postings))


def contents(postings: Sequence[Posting]) -> NDArray[np.uint8]:
    """A digest of all that ranking reads of each posting, but for whether it is open: postings x 8."""
    digests = b"".join(map(_content, postings))
    return np.frombuffer(digests, np.uint8).reshape(-1, _DIGEST_BYTES)


def _content(posting: Posting) -> bytes:
    said = (
        posting.title, posting.company_id, posting.categories, posting.regions, posting.career_min_years,
        posting.career_max_years, posting.education and int(posting.education), posting.employment_types,
        posting.salary_min, posting.salary_max, posting.salary_unit, posting.skills, posting.opened_at.timestamp(),
    )  # fmt: skip
    return blake2b(repr(said).encode(), digest_size=_DIGEST_BYTES).digest()


def write(kept: Kept, file: IO[bytes]) -> None:
    """Write a kept model."""
    _Writer(file, protocol=5).dump((_form(), kept))


def read(file: IO[bytes]) -> Kept:
    """Read what `write` wrote.

    Raises:
        KeptModelError: another version wrote it, or it is none.
    """
    try:
        form, kept = _Reader(file).load()
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, TypeError, ValueError) as error:
        raise KeptModelError(str(error)) from error
    if form != _form() or not isinstance(kept, Kept):
        raise KeptModelError("It is of another version.")
    return kept


def _form() -> str:
    """Changes when any part of a model gets or loses a field: slots are read back by their order alone."""
    return " ".join(f"{part.__name__}({','.join(_field_names(part))})" for part in (Kept, *_PARTS))


def _field_names(part: type[Any]) -> list[str]:
    return [each.name for each in fields(part)] if is_dataclass(part) else []


class _Writer(pickle.Pickler):
    def reducer_override(self, part: object) -> Any:
        """Write a member of an enumeration by its value: some releases of Python would write how to get at it."""
        return (type(part), (part.value,)) if isinstance(part, Enum) else NotImplemented


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Refuse to load anything a model is not made of: whoever can write the table must not run code here."""
        ours = {(part.__module__, part.__name__) for part in (Kept, *_PARTS)}
        if (module, name) not in ours | _OTHERS:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a model.")
        return super().find_class(module, name)
