"""Tokenises titles and skills, in Korean and in Latin letters."""

from __future__ import annotations

import re
from functools import lru_cache

_RUNS = re.compile(r"[a-z][a-z0-9+#.]*|[0-9]+|[가-힣]+")
_SHORTEST_SPLIT = 3  # a Korean run of two syllables is its own bigram


def tokenise(text: str) -> set[str]:
    """The words of a text, and the syllable pairs of longer Korean runs.

    Korean joins words without spaces ("여성복디자이너"), so pairs of syllables find the parts in common
    without a dictionary of morphemes.
    """
    found: set[str] = set()
    for run in _RUNS.findall(text.lower()):
        found.add(run.rstrip("."))
        if run[0] >= "가" and len(run) >= _SHORTEST_SPLIT:
            found.update(run[at : at + 2] for at in range(len(run) - 1))
    return found


def tokenise_all(texts: tuple[str, ...]) -> set[str]:
    """The words of several texts; short texts such as skills come again and again and are split once."""
    return set().union(*map(_words_of_one, texts))


@lru_cache(maxsize=50_000)
def _words_of_one(text: str) -> frozenset[str]:
    return frozenset(tokenise(text))
