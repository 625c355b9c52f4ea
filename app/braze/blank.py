"""`== blank` and `!= blank` as Braze means them.

Braze runs Liquid on Ruby on Rails, where nil is blank, and its documentation greets members with
`{% if ${first_name} != blank %}`. python-liquid says that nil is not blank, so that every such preview would show the
wrong branch. The comparisons are replaced when `if`, `elsif` and `unless` are parsed; everything else stays.
"""

from typing import Any

from liquid import Environment, RenderContext, Token
from liquid.ast import BlockNode, ConditionalBlockNode
from liquid.builtin.expressions.logical import EqExpression, NeExpression
from liquid.builtin.expressions.primitive import Blank
from liquid.builtin.tags.if_tag import IfNode, IfTag
from liquid.builtin.tags.unless_tag import UnlessNode, UnlessTag
from liquid.expression import Expression
from liquid.undefined import is_undefined


class _IsBlank(Expression):
    """True if the operand's blankness is the wanted one."""

    __slots__ = ("operand", "wanted")

    def __init__(self, token: Token, operand: Expression, *, wanted: bool) -> None:
        super().__init__(token)
        self.operand = operand
        self.wanted = wanted

    def evaluate(self, context: RenderContext) -> object:
        return is_blank(self.operand.evaluate(context)) is self.wanted

    def children(self) -> list[Expression]:
        return [self.operand]


def is_blank(value: object) -> bool:
    """Return what Rails' `blank?` does: nil, false, white space and whatever is empty are blank; numbers never are."""
    if value is None or value is False or is_undefined(value):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, list | dict | Blank) and (isinstance(value, Blank) or not value)


def _mended(expression: Any) -> Any:
    for name in ("expression", "left", "right"):
        child = getattr(expression, name, None)
        if isinstance(child, Expression):
            setattr(expression, name, _mended(child))
    if not isinstance(expression, EqExpression | NeExpression):
        return expression
    wanted = isinstance(expression, EqExpression)
    for side, other in ((expression.left, expression.right), (expression.right, expression.left)):
        if isinstance(side, Blank):
            return _IsBlank(expression.token, other, wanted=wanted)
    return expression


def _mend_alternatives(alternatives: list[ConditionalBlockNode]) -> None:
    for alternative in alternatives:
        alternative.expression = _mended(alternative.expression)


class _IfNode(IfNode):
    def __init__(
        self,
        token: Token,
        condition: Expression,
        consequence: BlockNode,
        alternatives: list[ConditionalBlockNode],
        default: BlockNode | None,
    ) -> None:
        super().__init__(token, _mended(condition), consequence, alternatives, default)
        _mend_alternatives(alternatives)


class _UnlessNode(UnlessNode):
    def __init__(
        self,
        token: Token,
        condition: Expression,
        consequence: BlockNode,
        alternatives: list[ConditionalBlockNode] | None = None,
        default: BlockNode | None = None,
    ) -> None:
        super().__init__(token, _mended(condition), consequence, alternatives, default)
        _mend_alternatives(self.alternatives)


class _If(IfTag):
    node_class = _IfNode


class _Unless(UnlessTag):
    node_class = _UnlessNode


def register_blank(env: Environment) -> None:
    """Make the environment's conditions treat nil as blank."""
    env.add_tag(_If)
    env.add_tag(_Unless)
