"""A fitted recommender as a file, for the next refresh, which only looks at what changed.

Nothing of any member is saved under their name: their factors follow from what they did and say, and are solved again.
The reference members (what some profiles say and what those members did) are in it without ids, until the next whole
refresh.

The file is numpy's `.npz`: arrays, and a head in JSON that says how they make up the recommender. Loading it runs no code
that stands in the file.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from app.recommend.features.catalogue import Catalogue
from app.recommend.features.postings import Field, PostingEncoder
from app.recommend.features.profiles import (
    ProfileFeatureEncoder,
    ProfileFeatures,
    ProfileOneHotEncoder,
    TextColumns,
)
from app.recommend.interactions import Interactions, Scale
from app.recommend.models.cold_start import AttributeMapping, ReferenceMembers
from app.recommend.models.representations import Representations
from app.recommend.options import Options
from app.recommend.recommender import Recommender
from app.recommend.reranking.congestion import Prices
from app.recommend.scoring.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.board.model import Posting

_DIGEST_BYTES = 8
_HEAD = "head"


class SavedModelError(Exception):
    """A saved model cannot be loaded, most often because another version of the program saved it."""


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A recommender without its members and postings.

    Attributes:
        recommender: The recommender.
        contents: (n_postings, 8) uint8, a digest of what each posting said when it was fitted.
    """

    recommender: Recommender
    contents: NDArray[np.uint8]

    @classmethod
    def of(cls, recommender: Recommender, postings: Sequence[Posting]) -> SavedModel:
        """What is saved of a recommender that was fitted on these postings."""
        representations = recommender.representations
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
            member_factors=representations.member_factors[:0].copy(),
            recent=sparse.csr_array(np.zeros((0, len(postings)), np.float32)),
            seen=sparse.csr_array(np.zeros((0, len(recommender.catalogue.shown)), np.float32)),
        )
        return cls(replace(recommender, postings={}, representations=stripped), digest_contents(postings))


_PARTS = {
    part.__name__: part
    for part in (
        AttributeMapping, Catalogue, Field, Interactions, Options, PostingEncoder, Prices, ProfileFeatureEncoder,
        ProfileFeatures, ProfileOneHotEncoder, Recommender, ReferenceMembers, Representations, SavedModel, Scale, TextColumns,
    )
}  # fmt: skip


def digest_contents(postings: Sequence[Posting]) -> NDArray[np.uint8]:
    """A digest of all that ranking reads of each posting, but for whether it is open: (n_postings, 8) uint8."""
    digests = b"".join(map(_digest, postings))
    return np.frombuffer(digests, np.uint8).reshape(-1, _DIGEST_BYTES)


def _digest(posting: Posting) -> bytes:
    content = (
        posting.title, posting.company_id, posting.categories, posting.regions, posting.career_min_years,
        posting.career_max_years, posting.education and int(posting.education), posting.employment_types,
        posting.salary_min, posting.salary_max, posting.salary_unit, posting.skills, posting.opened_at.timestamp(),
    )  # fmt: skip
    return blake2b(repr(content).encode(), digest_size=_DIGEST_BYTES).digest()


def save(saved: SavedModel, file: IO[bytes]) -> None:
    """Write a saved model."""
    arrays: list[NDArray[Any]] = []
    head = json.dumps({"form": _form(), "model": _encode(saved, arrays)})
    np.savez(
        file,
        allow_pickle=False,
        **{_HEAD: np.frombuffer(head.encode(), np.uint8)},
        **{str(number): array for number, array in enumerate(arrays)},
    )


def load(file: IO[bytes]) -> SavedModel:
    """Read what `save` wrote.

    Raises:
        SavedModelError: another version saved it, it is not whole, or it is none.
    """
    try:
        arrays = np.load(file, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise SavedModelError("It is no saved model.")
        head = json.loads(arrays[_HEAD].tobytes())
        if head["form"] != _form():
            raise SavedModelError("It is of another version.")
        saved = _decode(head["model"], arrays)
    except (zipfile.BadZipFile, EOFError, OSError, KeyError, TypeError, ValueError) as error:
        raise SavedModelError(f"It is no saved model, or not whole: {error}.") from error
    if not isinstance(saved, SavedModel):
        raise SavedModelError("It is no saved model.")
    return saved


def _form() -> str:
    """Changes whenever a part of a model gets or loses a field."""
    return " ".join(
        f"{name}({','.join(each.name for each in fields(part))})" for name, part in _PARTS.items()
    )


def _encode(value: object, arrays: list[NDArray[Any]]) -> Any:
    """A value as JSON; arrays are put behind the others, and named by their number."""

    def add(array: NDArray[Any]) -> str:
        arrays.append(array)
        return str(len(arrays) - 1)

    encoded: Any = value
    match value:
        case None | bool() | int() | float() | str():
            pass
        case np.ndarray():
            encoded = {"array": add(value)}
        case sparse.csr_array():
            encoded = {"csr": [add(value.data), add(value.indices), add(value.indptr)], "shape": value.shape}
        case datetime():
            encoded = {"time": value.isoformat()}
        case Weights():
            encoded = {"weights": value.to_json()}
        case Mapping():
            encoded = {"map": [[str(key), _encode(each, arrays)] for key, each in value.items()]}
        case list() | tuple():
            encoded = [_encode(each, arrays) for each in value]
        case _ if is_dataclass(value) and type(value).__name__ in _PARTS:
            parts = {each.name: _encode(getattr(value, each.name), arrays) for each in fields(value)}
            encoded = {"part": type(value).__name__, "fields": parts}
        case _:
            raise TypeError(f"{type(value).__name__} is no part of a model.")
    return encoded


def _decode(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """What `_encode` was given; lists come back as tuples.

    Raises:
        KeyError, TypeError, ValueError: it is not what `_encode` makes.
    """
    decoded = value
    match value:
        case {"array": str(name)}:
            decoded = arrays[name]
        case {"csr": [data, indices, indptr], "shape": shape}:
            decoded = sparse.csr_array((arrays[data], arrays[indices], arrays[indptr]), shape=tuple(shape))
            decoded.check_format(full_check=True)  # what computes with it trusts its indices
        case {"time": str(time)}:
            decoded = datetime.fromisoformat(time)
        case {"weights": dict(weights)}:
            decoded = Weights.from_json(weights)
        case {"map": list(pairs)}:
            decoded = {key: _decode(each, arrays) for key, each in pairs}
        case {"part": str(name), "fields": dict(parts)}:
            decoded = _PARTS[name](**{each: _decode(part, arrays) for each, part in parts.items()})
        case list():
            decoded = tuple(_decode(each, arrays) for each in value)
        case dict():
            raise ValueError(f"{sorted(value)} is no part of a model")
    return decoded
