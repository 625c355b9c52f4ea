"""What an answer means for a batch: taken, wrong as such, too fast, refused for good, or nobody knows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.runtime.outgoing import HttpAnswer

Meaning = Literal["taken", "divide", "stop", "slower", "unknown", "not_sent"]
_TIMEOUT: Final = 408  # of a proxy, which does not say whether the request went on
TOO_FAST: Final = 429
_SERVER: Final = 500


@dataclass(frozen=True, slots=True)
class BatchFate:
    """What to do with a batch.

    Args:
        meaning: `taken`: all but the refused; `divide`: nothing was taken, so leave out the refused, or where none is named
            halve it until the guilty object is alone; `stop`: end the run;
            `slower`: wait, it was not taken; `unknown`: it may have been taken; `not_sent`: it certainly was not.
        refused: Objects that were not taken, by place, each with its sentence.
        sentence: Why, for a person.
    """

    meaning: Meaning
    refused: Mapping[int, str] = field(default_factory=dict)
    sentence: str = ""


def fate_of(
    answer: HttpAnswer,
    *,
    who: str,
    refused: Callable[[bytes], Mapping[int, str]],
    said: Callable[[bytes], str],
    key: str,
) -> BatchFate:
    """What an answer means.

    Args:
        answer: What came back.
        who: The destination, as a sentence names it.
        refused: Reads from a 2xx body which objects were not taken.
        said: Reads what a body says to a person.
        key: The variable that holds the destination's key.
    """
    status = answer.status
    if status is None:
        why = f"{who} does not answer ({answer.failure})"
        return BatchFate("unknown" if answer.sent else "not_sent", sentence=f"{why}.")
    if 200 <= status < 300 and not _is_page(answer):  # noqa: PLR2004 - any success
        return BatchFate("taken", refused(answer.body))
    if status == TOO_FAST:
        return BatchFate("slower", sentence=f"{who} answers 429: too many requests.")
    if status >= _SERVER or status == _TIMEOUT:
        return BatchFate("unknown", sentence=f"{who} answers {status}.")
    if status in (400, 413):
        told = said(answer.body) or ("the request is too large" if status == 413 else "no reason given")  # noqa: PLR2004
        return BatchFate("divide", sentence=f"{who} refuses it: {told}.")
    return BatchFate("stop", sentence=_why_not(status, who, key))


def _is_page(answer: HttpAnswer) -> bool:
    """Whether an answer is for people to look at, as a proxy's or a dashboard's is: no destination has taken anything there."""
    return "html" in answer.headers.get("content-type", "") or answer.body.lstrip().startswith(b"<")


def _why_not(status: int, who: str, key: str) -> str:
    if status < 300:  # noqa: PLR2004
        return f"What answers {status} in place of {who} is a page: see whether the host is right, and whether a proxy answers."
    if status == 401:  # noqa: PLR2004
        return f"{who} does not know the key: see {key}, and whether it belongs to the host."
    if status == 403:  # noqa: PLR2004
        return f"{who} knows the key, which lacks the permission for this: give it that in the dashboard."
    if status == 404:  # noqa: PLR2004
        return f"{who} does not know this address: see the host and the names in the sync file."
    return f"{who} answers {status}, which its documents do not name: see whether the host is right."


def json_of(body: bytes) -> Mapping[str, Any]:
    """The JSON object that an answer's body is; an empty one where it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
