"""Side information: features of postings and profiles, apart from activity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from app.recommend.features.postings import PostingEncoder
from app.recommend.features.profiles import ProfileFeatureEncoder, ProfileOneHotEncoder
from app.recommend.models.cold_start import ProfileKernel
from app.recommend.sparse import place_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from app.board.model import Member, Posting
    from app.recommend.interactions import Interactions
    from app.recommend.models.hyperparameters import Hyperparameters

MOST_REFERENCE_MEMBERS = 6_000  # the solve on their profiles is dense: 144 MB and 3 s
MOST_PROFILES_READ = 10_000  # from which they are chosen
_BATCH = 2_000  # profiles read at once


@dataclass(frozen=True, kw_only=True)
class SideInformation:
    """What postings and profiles say, encoded once for all models of a refresh.

    Attributes:
        posting_encoder: Encodes postings.
        posting_features: (n_postings, n_features) float32.
        profile_encoder: Encodes profiles as one-hot columns.
        profile_features: (n_members, n_codes) float32; no columns on a large board.
        reference_encoder: Encodes profiles as they are compared.
        reference_positions: (n_reference,) int32, members who may be reference members; those whose activity is hidden
            while weights are learned come last.
        reference_profiles: Their n_reference profiles; empty where no profile was read.
        reference_counts: (n_reference,) int64, how many postings each of them acted on.
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
        """How similar the reference profiles are to each other, or None where no profile was read."""
        if not self.reference_profiles:
            return None
        return ProfileKernel.compute(self.reference_encoder, self.reference_profiles, self.reference_counts)


def read_side_information(
    interactions: Interactions,
    postings: Sequence[Posting],
    profiles: Callable[[Sequence[int]], Sequence[Member]],
    *,
    hyperparameters: Hyperparameters,
    seed: int,
    cold_members: NDArray[np.int32],
) -> SideInformation:
    """Read the profiles of members with activity, of all or of a sample, and encode them and the postings.

    Args:
        interactions: What members did.
        postings: All postings, by position.
        profiles: Reads profiles by position.
        hyperparameters: Whether all profiles are read.
        seed: Chooses the sample and the reference members.
        cold_members: Members whose activity is hidden while weights are learned.
    """
    active = np.unique(interactions.member)
    sample = _sample(active, MOST_PROFILES_READ, seed)
    read = active if hyperparameters.with_profiles else sample
    profiles_read = [member for part in _parts(read) for member in profiles(part)]
    sampled = [profiles_read[at] for at in np.searchsorted(read, sample).tolist()]
    chosen = _reference_rows(sample, cold_members, seed)
    posting_encoder, posting_features = PostingEncoder.fit(postings)
    profile_encoder = ProfileOneHotEncoder.fit(profiles_read if hyperparameters.with_profiles else [])
    return SideInformation(
        posting_encoder=posting_encoder,
        posting_features=posting_features,
        profile_encoder=profile_encoder,
        profile_features=place_rows(
            profile_encoder.transform(profiles_read), read, count=interactions.shape[0]
        ),
        reference_encoder=ProfileFeatureEncoder.fit(sampled),
        reference_positions=sample[chosen],
        reference_profiles=[sampled[at] for at in chosen.tolist()],
        reference_counts=np.bincount(interactions.member, minlength=interactions.shape[0])[sample[chosen]],
    )


def _sample(positions: NDArray[np.int32], most: int, seed: int) -> NDArray[np.int32]:
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))


def _parts(positions: NDArray[np.int32]) -> list[list[int]]:
    return [positions[start : start + _BATCH].tolist() for start in range(0, len(positions), _BATCH)]


def _reference_rows(
    sample: NDArray[np.int32], cold_members: NDArray[np.int32], seed: int
) -> NDArray[np.int64]:
    """Which of the sample may be reference members, cold members last."""
    rows = np.random.default_rng(seed).permutation(len(sample))[:MOST_REFERENCE_MEMBERS]
    return rows[np.argsort(np.isin(sample[rows], cold_members), kind="stable")]
