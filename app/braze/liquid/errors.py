"""Errors of templates, and the limits of a render."""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_SCORE = 300_000
MAX_CHARS = 10_000_000
MAX_DIGITS = 4000
MAX_DEPTH = 100  # of blocks inside blocks, and of scopes
_CHARS_A_POINT = 20


class LiquidError(Exception):
    """One tag or output could not be rendered: Ruby's Liquid prints `Liquid error: ...` there and goes on."""


class LiquidSyntaxError(Exception):
    """The template cannot be read; the sentence says why, the offset says where."""

    def __init__(self, sentence: str, at: int | None = None) -> None:
        super().__init__(sentence)
        self.at = at


class LimitError(Exception):
    """A render that would take too long or too much memory."""


class Budget:
    """Counts the steps of a render; raises LimitError where it takes too many."""

    def __init__(self, max_score: int = MAX_SCORE) -> None:
        self.left = max_score

    def spend(self, points: int = 1) -> None:
        """Take points: one for a step, one more for each twenty characters and each item made."""
        self.left -= points
        if self.left < 0:
            raise LimitError(
                f"the render needs more than {MAX_SCORE:,} steps, which the preview does not do: "
                "bound its loops and the texts they make"
            )

    def spend_on(self, value: object) -> None:
        """Take the points that a made value costs."""
        if isinstance(value, str):
            check_chars(len(value))
        if isinstance(value, str):
            self.spend(1 + len(value) // _CHARS_A_POINT)
        else:
            self.spend(1 + len(value) if isinstance(value, list) else 1)


def check_chars(chars: int) -> None:
    """Refuse a text before it is made."""
    if chars > MAX_CHARS:
        raise LimitError(
            f"the render makes a text of more than {MAX_CHARS:,} characters, which the preview does not do"
        )


def check_digits(digits: int) -> None:
    """Refuse a number before it is made."""
    if digits > MAX_DIGITS:
        raise LimitError(
            f"the render makes a number of more than {MAX_DIGITS:,} digits, which the preview does not do"
        )


def check_items(items: int) -> None:
    """Refuse a list before it is made."""
    if items > MAX_SCORE:
        raise LimitError(
            f"the render makes a list of more than {MAX_SCORE:,} items, which the preview does not do"
        )


def suggest(name: str, names: Iterable[str]) -> str:
    """Return which of the names may have been meant, as the end of a sentence; nothing where none is near."""
    near = get_close_matches(name[:50], names, n=1, cutoff=0.75)
    return f"; there is '{near[0]}'" if near else ""
