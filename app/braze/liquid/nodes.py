"""The nodes of a parsed template: texts, outputs and bodies, which render themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from app.braze.liquid.errors import LiquidError, check_chars
from app.braze.liquid.expressions import Filtered, Literal
from app.braze.liquid.values import SPACE, to_output

if TYPE_CHECKING:
    from app.braze.liquid.context import Context


class Output:
    """The text of a render so far, limited in length."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._chars = 0

    def write(self, text: str) -> None:
        """Add a text; raises LimitError where the whole gets too long."""
        self._chars += len(text)
        check_chars(self._chars)
        self._pieces.append(text)

    @property
    def text(self) -> str:
        """Return the whole text so far."""
        return "".join(self._pieces)


class Node(Protocol):
    """A part of a template that renders itself; a blank one prints nothing where it fails."""

    at: int
    blank: bool

    def render(self, context: Context, output: Output) -> None:
        """Print into the output."""


@dataclass(slots=True)
class TextNode:
    """Text as it stands."""

    at: int
    text: str
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        output.write(self.text)


@dataclass(slots=True)
class OutputTag:
    """`{{ value | filter }}`, or `echo`."""

    at: int
    value: Filtered
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:
        output.write(to_output(self.value.evaluate(context)))


@dataclass(slots=True)
class Body:
    """Nodes one after the other; blank while nothing in it can print."""

    nodes: list[Node] = field(default_factory=list)
    blank: bool = True

    def add(self, node: Node) -> None:
        """Take one more node."""
        self.nodes.append(node)
        self.blank = self.blank and (not node.text.strip(SPACE) if isinstance(node, TextNode) else node.blank)

    def drop_texts(self) -> None:
        """Drop the white space of a body that prints nothing else."""
        self.nodes = [node for node in self.nodes if not isinstance(node, TextNode)]

    def render(self, context: Context, output: Output) -> None:
        """Render until the end, or until a `break` or `continue`; a node's error is printed in its place."""
        context.budget.spend(1 + len(self.nodes))
        for node in self.nodes:
            try:
                node.render(context, output)
            except LiquidError as error:
                shown = context.record_error(node.at, error)
                if not node.blank:
                    output.write(shown)
            if context.interrupt and not isinstance(node, TextNode):
                return


def nothing(at: int) -> Node:
    """A node that prints nothing, but keeps the white space around it apart."""
    return OutputTag(at, Filtered(Literal(None), ()), blank=True)
