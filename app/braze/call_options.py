"""Parses the text inside `{% connected_content ... %}`: a URL and options.

Braze ignores options it does not know; a preview that did so would hide the mistake until the send. So unknown, repeated,
contradicting and out-of-range options are refused here.

Source: https://www.braze.com/docs/user_guide/personalization_and_dynamic_content/connected_content
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.braze.errors import TemplateError
from app.braze.liquid.tokenizer import end_of_output

CACHE_MIN_S = 5 * 60
CACHE_MAX_S = 4 * 60 * 60

_SPACES = " \t\r\n"  # not the non-breaking spaces in URLs, which Braze strips
_OPTION = re.compile(r":(\w+)(?=\s|$)")
_SPACE = re.compile(r"\s*")
_FLAGS = ("retry", "no_cache", "rerender")
_VALUED = (
    "save",
    "method",
    "headers",
    "body",
    "content_type",
    "basic_auth",
    "auth_credentials",
    "cache_max_age",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallOptions:
    """The options of a connected_content tag; `url`, `headers` and `body` may still contain Liquid."""

    url: str
    method: str = "GET"
    headers: str | None = None
    body: str | None = None
    content_type: str | None = None
    basic_auth: str | None = None
    auth_credentials: str | None = None
    save: str | None = None
    retry: bool = False
    cache_max_age_s: int | None = None
    no_cache: bool = False
    rerender: bool = False
    notes: tuple[str, ...] = ()

    @property
    def cacheable_s(self) -> int | None:
        """Seconds for which Braze may cache the answer; None for not at all. GET defaults to 300 s, POST to None."""
        if self.no_cache:
            return None
        return self.cache_max_age_s or (CACHE_MIN_S if self.method == "GET" else None)


def parse_options(text: str) -> CallOptions:
    """Read the text between `connected_content` and `%}`; raises TemplateError with one sentence."""
    start = _skip_space(text, 0)
    end = _end_of_word(text, start)
    url = text[start:end]
    if not url or url.startswith(":"):
        raise TemplateError(
            "connected_content needs a URL first: {% connected_content https://... :save jobs %}."
        )
    found = _scan(text, _skip_space(text, end))
    options = CallOptions(
        url=url,
        method=_method(found.get("method", "get")),
        headers=found.get("headers"),
        body=found.get("body"),
        content_type=found.get("content_type"),
        basic_auth=found.get("basic_auth"),
        auth_credentials=found.get("auth_credentials"),
        save=_variable(found.get("save")),
        retry="retry" in found,
        cache_max_age_s=_cache_max_age_s(found.get("cache_max_age")),
        no_cache="no_cache" in found,
        rerender="rerender" in found,
        notes=_notes(found),
    )
    _refuse_contradictions(options)
    return options


def _scan(text: str, position: int) -> dict[str, str]:
    found: dict[str, str] = {}
    while position < len(text):
        option = _OPTION.match(text, position)
        if option is None:
            raise TemplateError(_unexpected(text[position:], found))
        name = option[1]
        _refuse_name(name, found)
        position = _skip_space(text, option.end())
        found[name] = ""
        if name in _VALUED:
            found[name] = _value(name, text, position)
            position = _skip_space(text, position + len(found[name]))
    return found


def _refuse_name(name: str, found: dict[str, str]) -> None:
    if name not in _FLAGS + _VALUED:
        known = ", ".join(f":{known}" for known in sorted(_FLAGS + _VALUED))
        raise TemplateError(f"connected_content has no option :{name}; Braze knows {known}.")
    if name in found:
        raise TemplateError(f"connected_content has the option :{name} twice; keep one.")


def _unexpected(rest: str, found: dict[str, str]) -> str:
    shown = rest.split(maxsplit=1)[0]
    if "body" in found:
        return f"connected_content can't place '{shown}': an inline :body may hold no spaces; capture it and pass {{{{name}}}}."
    return f"connected_content can't place '{shown}': options start with a colon and URLs hold no spaces."


def _value(name: str, text: str, position: int) -> str:
    object_follows = text.startswith("{", position) and not text.startswith("{{", position)
    end = (
        _end_of_object(text, position)
        if name == "headers" and object_follows
        else _end_of_word(text, position)
    )
    value = text[position:end]
    if not value or _OPTION.match(value):
        hint = ' a JSON object such as {"X-Name": "value"}' if name == "headers" else " a value"
        raise TemplateError(f"connected_content's option :{name} needs{hint} after it.")
    return value


def _end_of_word(text: str, position: int) -> int:
    """The end of a word, which may contain spaces within `{{ }}`."""
    while position < len(text) and text[position] not in _SPACES:
        position = _after_output(text, position) if text.startswith("{{", position) else position + 1
    return position


def _after_output(text: str, position: int) -> int:
    end = end_of_output(text, position)
    if text[end - 2 : end] != "}}" or not end:
        raise TemplateError(
            f"connected_content can't read '{text[position : position + 30]}': it is not closed by }}}}."
        )
    return end


def _end_of_object(text: str, position: int) -> int:
    """The end of a JSON object, whose strings may contain `{{ }}`."""
    depth, is_quoted = 0, False
    while position < len(text):
        if text.startswith("{{", position):
            position = _after_output(text, position)
            continue
        character = text[position]
        position += 2 if is_quoted and character == "\\" else 1
        if character == '"':
            is_quoted = not is_quoted
        elif character in "{}" and not is_quoted:
            depth += 1 if character == "{" else -1
            if not depth:
                return position
    return position


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _method(value: str) -> str:
    if value.upper() not in {"GET", "POST"}:
        raise TemplateError(f"connected_content can't use :method {value}; Braze sends get and post only.")
    return value.upper()


def _variable(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z_]\w*", value):
        raise TemplateError(
            f"connected_content can't save into '{value}'; a variable's name has letters, digits and _ only."
        )
    return value


def _cache_max_age_s(value: str | None) -> int | None:
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", value) or not CACHE_MIN_S <= int(value) <= CACHE_MAX_S:
        raise TemplateError(
            f"connected_content can't use :cache_max_age {value}; "
            f"Braze keeps answers for {CACHE_MIN_S} to {CACHE_MAX_S} seconds."
        )
    return int(value)


_CONTRADICTIONS: tuple[tuple[Callable[[CallOptions], bool], str], ...] = (
    (
        lambda options: options.no_cache and options.cache_max_age_s is not None,
        "connected_content can't have both :no_cache and :cache_max_age; keep one.",
    ),
    (
        lambda options: options.basic_auth is not None and options.auth_credentials is not None,
        "connected_content can't have both :basic_auth and :auth_credentials; keep one.",
    ),
)


def _notes(found: dict[str, str]) -> tuple[str, ...]:
    """Notes to the template's author on options that Braze accepts nevertheless."""
    if "body" in found and found.get("method", "get").upper() == "GET":
        return ("Braze documents a :body for :method post only; the preview sends it with this GET",)
    return ()


def _refuse_contradictions(options: CallOptions) -> None:
    for contradicts, sentence in _CONTRADICTIONS:
        if contradicts(options):
            raise TemplateError(sentence)
