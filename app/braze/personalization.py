"""Braze's `${name}` references, rewritten into Liquid that python-liquid reads.

Braze writes a member's attribute as `{{${user_id}}}` and everything else as `namespace.${name}`, as in
`{{campaign.${dispatch_id}}}` or `{{custom_attribute.${Desired Salary}}}`. Standard Liquid has no `${`, and its
lexer would end `{{${user_id}}}` one brace too early, so the references become `namespace['name']` beforehand.

Source: https://www.braze.com/docs/user_guide/personalization_and_dynamic_content/liquid/supported_personalization_tags
"""

import re
from collections.abc import Mapping

OUTPUT = r"\{\{(?:\$\{[^{}\n]*\}|(?!\}\}|\$\{)[\s\S])*\}\}"
"""A regular expression for one `{{ ... }}` that knows the brace closing `${`."""

MEMBER_NAMESPACE = "braze_member"
"""The namespace of references without one: `${user_id}` becomes `braze_member['user_id']`."""

_MARKUP = re.compile(
    rf"""
    (?P<verbatim>
        \{{%-?\s*raw\s*-?%\}}[\s\S]*?\{{%-?\s*endraw\s*-?%\}}
      | \{{%-?\s*connected_content\b[\s\S]*?%\}}   # its pieces are templates of their own, rewritten one by one
    )
    | {OUTPUT}
    | \{{%[\s\S]*?%\}}
    """,
    re.VERBOSE,
)
_REFERENCE = re.compile(
    r"""(?P<quoted>'[^']*'|"[^"]*")|(?:(?P<namespace>[A-Za-z_]\w*)\.)?\$\{(?P<name>[^{}\n]+)\}"""
)


def rewrite_references(source: str) -> str:
    """Return the template with every `${name}` inside markup rewritten; line numbers stay as they were."""
    return _MARKUP.sub(_rewrite_markup, source)


def _rewrite_markup(match: re.Match[str]) -> str:
    markup = match.group()
    return markup if match["verbatim"] else _REFERENCE.sub(_rewrite_reference, markup)


def _rewrite_reference(match: re.Match[str]) -> str:
    if match["quoted"]:
        return match["quoted"]
    name = match["name"].strip()
    quote = '"' if "'" in name else "'"
    return f"{match['namespace'] or MEMBER_NAMESPACE}[{quote}{name}{quote}]"


def namespaces(user_id: str, attributes: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the variables of a render, from attributes named as a template names them without `${}`.

    `{"first_name": "민지", "campaign.dispatch_id": "d1", "custom_attribute.Desired Salary": 4000}` fills
    `{{${first_name}}}`, `{{campaign.${dispatch_id}}}` and `{{custom_attribute.${Desired Salary}}}`.
    """
    found: dict[str, dict[str, object]] = {MEMBER_NAMESPACE: {"user_id": user_id}}
    for key, value in attributes.items():
        namespace, dot, name = key.partition(".")
        if not dot:
            namespace, name = MEMBER_NAMESPACE, key
        found.setdefault(namespace, {})[name] = value
    return found
