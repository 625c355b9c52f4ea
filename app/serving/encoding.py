"""An answer as JSON bytes, joined from pieces that were encoded before."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from app.recommend.ranked import ASKED_COMPANY
from app.recommend.reasons import Reason
from app.serving.labels import SENTENCES, naming

if TYPE_CHECKING:
    from app.serving.answering import Answer
    from app.serving.request import RequestOptions

_json = msgspec.json.encode

_REASONS = {
    lang: {
        mark: b'","reason":' + _json(sentence) + b',"reason_code":' + _json(reason.code) + b"}"
        for reason, sentence in sentences.items()
        for mark in (int(reason), reason | ASKED_COMPANY)
    }
    for lang, sentences in SENTENCES.items()
}
# A list made by a newer release may hold a reason this one has no name for.
_UNNAMED = {lang: reasons[Reason.OPEN_NOW] for lang, reasons in _REASONS.items()}


_BYTE = 0xFF


@lru_cache(maxsize=8_192)
def _named(lang: str, mark: int, name: str) -> bytes:
    """A reason that names a posting: parts of a message and places of a list name the same few."""
    reason = Reason(mark & ~ASKED_COMPANY)
    return b'","reason":' + _json(naming(lang, reason, name)) + b',"reason_code":' + _json(reason.code) + b"}"


def encode(answer: Answer) -> bytes:
    """The answer's JSON object; keys never disappear."""
    options = answer.request.options
    lang, today, places = options.lang, answer.today, answer.places
    rid = answer.recommendation_id.encode()
    names = answer.names
    sentences, unnamed = _REASONS[lang], _UNNAMED[lang]
    pieces = [
        b'{"recommendation_id":"',
        rid,
        _head(options, answer.source, answer.degraded, len(places), answer.generated_at),
    ]
    comma = b""
    for (card, mark), tracking in zip(places, options.tracking, strict=False):
        told = sentences.get(mark) or (
            _named(lang, mark & _BYTE, names[(mark >> 8) - 1]) if mark > _BYTE else unnamed
        )
        pieces += (comma, card.text(lang, today), rid, tracking, card.end, told)
        comma = b","
    pieces.append(b"]}")
    return b"".join(pieces)


@lru_cache(maxsize=512)
def _head(
    options: RequestOptions, source: str, degraded: str | None, count: int, generated_at: datetime
) -> bytes:
    """From the end of the id to the beginning of the postings: the same for most of a send."""
    facts = {
        "campaign": options.campaign,
        "variant": options.variant,
        "source": source,
        "degraded": degraded,
        "count": count,
        "generated_at": generated_at.astimezone(UTC).replace(microsecond=0),
    }
    return b'",' + _json(facts)[1:-1] + b',"postings":['
