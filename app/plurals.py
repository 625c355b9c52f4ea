"""Counts with their nouns, in English."""

from __future__ import annotations


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """Write a count with its noun: "1 posting", "12,000 postings".

    `noun` may carry words that agree with it; `nouns` is then the same for any count but one.
    """
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"
