"""A recipe: a refresh with other options, whose lists are published beside the usual ones for an arm of an experiment."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final

from app.postgres.lists.refresh_lock import RefreshError
from app.recommend.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

# The least and the most that an option may be; others are any number that is not below 0.
_RANGES: Final = {
    "keep": (1, 200),
    "per_company": (1, 200),
    "company_asked_applies": (1, 1_000),
    "congestion_share": (0.001, 1.0),
}
_ANY: Final = (0, 2**32 - 1)
_TRUTHS: Final = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a refresh makes its lists, and the name that they are published under; None for the usual ones."""

    name: str | None = None
    options: Options = field(default_factory=Options)


USUAL: Final = Recipe()


def read_options(texts: Sequence[str]) -> Options:
    """Options as a person writes them, `NAME=VALUE`, and the usual ones for all others.

    Raises:
        RefreshError: there is no such option, or the value is none for it.
    """
    usual = Options()
    names = [one.name for one in fields(usual)]
    chosen: dict[str, float | bool] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in names:
            raise RefreshError(f"There is no option '{name}' of a refresh: there are {', '.join(names)}.")
        if name in chosen:
            raise RefreshError(f"The option '{name}' is given twice: give it once.")
        chosen[name] = _value(name, value, getattr(usual, name))
    return replace(usual, **chosen)  # type: ignore[arg-type] # each is of its field's type


def _value(name: str, value: str, usual: float | bool) -> float | bool:  # noqa: FBT001 - the kind is the point
    if isinstance(usual, bool):
        if value not in _TRUTHS:
            raise RefreshError(f"The option '{name}' is true or false; '{value[:40]}' is neither.")
        return _TRUTHS[value]
    least, most = _RANGES.get(name, _ANY)
    try:
        number = type(usual)(value)
    except ValueError:
        number = -1
    if not least <= number <= most:
        what = "whole number" if isinstance(usual, int) else "number"
        raise RefreshError(
            f"The option '{name}' is a {what} from {least} to {most}, such as {usual}; it is '{value[:40]}'."
        )
    return number
