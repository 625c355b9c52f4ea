"""The state of a render: variables, filters, loops, budget, errors and missing values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from app.braze.liquid.errors import MAX_DEPTH, LiquidError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.braze.liquid.errors import Budget
    from app.braze.liquid.filters import Filter


@dataclass(slots=True)
class Context:
    """The state of one render; `environment` holds what is given and what `increment` counts.

    `named_namespaces` are the given namespaces whose missing values are worth naming, in `missing`, in the order met.
    """

    environment: dict[str, Any]
    filters: Mapping[str, Filter]
    budget: Budget
    named_namespaces: frozenset[str] = frozenset()
    scopes: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    interrupt: Literal["break", "continue"] | None = None
    cycles: dict[object, int] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    loops: list[Any] = field(default_factory=list)
    unchanged: str | None = None
    missing: dict[tuple[str, ...], None] = field(default_factory=dict)
    errors: list[tuple[int, str]] = field(default_factory=list)
    tags: dict[str, Any] = field(default_factory=dict)

    def variable(self, name: object) -> object:
        """Return the value of a name: of the innermost loop that has it, else of the template's own variables, else of what is given."""
        if not isinstance(name, str):
            return None
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return self.environment.get(name)

    def assign(self, name: str, value: object) -> None:
        """Assign a variable of the template."""
        self.scopes[0][name] = value

    def push_scope(self, scope: dict[str, Any]) -> None:
        """Push a loop's scope; raises LiquidError where scopes nest too deep."""
        if len(self.scopes) >= MAX_DEPTH:
            raise LiquidError("Nesting too deep")
        self.scopes.append(scope)

    def record_missing(self, name: str, path: Sequence[object], *, is_reference: bool) -> None:
        """Record a missing value, if it is one that Braze fills in."""
        if (is_reference or name in self.named_namespaces) and all(
            name not in scope for scope in self.scopes
        ):
            self.missing[tuple(map(str, path))] = None

    def record_error(self, at: int, error: LiquidError) -> str:
        """Record an error; returns what Ruby's Liquid prints in its place."""
        self.errors.append((at, str(error)))
        return f"Liquid error: {error}"
