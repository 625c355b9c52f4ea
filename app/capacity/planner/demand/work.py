"""How much work judging a plan may be: counted, so that the same plan is always judged alike, on any machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

WITHOUT_END: Final = 10**15


class WorkLimitExceededError(Exception):
    """More steps than were left."""


class WorkBudget:
    """Steps that are left. A step is about a microsecond of a slow machine, as whoever spends it was measured."""

    def __init__(self, most_steps: int) -> None:
        self.left = most_steps

    def spend(self, steps: int) -> None:
        """Take `steps` away. Raises WorkLimitExceededError, and then again at every further step."""
        self.left -= steps
        if self.left < 0:
            raise WorkLimitExceededError

    @contextmanager
    def unbounded(self) -> Iterator[None]:
        """Let what is done inside cost nothing: what was worked out before, and is only told again."""
        left = self.left
        self.left = WITHOUT_END
        try:
            yield
        finally:
            self.left = left

    def grant(self, steps: int) -> None:
        """Have so many steps left from now on."""
        self.left = steps
