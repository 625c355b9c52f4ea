"""Encodes an answer as JSON, by joining byte strings that were encoded before."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from app.feedback import exposure
from app.recommend.ranked import ASKED_COMPANY
from app.recommend.reasons import Reason
from app.serving.labels import SENTENCES, naming
from app.serving.request import tracking_of

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
# A list made by a newer release may hold a reason that this release does not know.
_UNNAMED = {lang: reasons[Reason.OPEN_NOW] for lang, reasons in _REASONS.items()}


_REASON_BYTE = 0xFF


@lru_cache(maxsize=8_192)
def _named_reason(lang: str, mark: int, name: str) -> bytes:
    """The JSON of a reason that names a posting; cached, because the parts of a message name the same few."""
    reason = Reason(mark & ~ASKED_COMPANY)
    return b'","reason":' + _json(naming(lang, reason, name)) + b',"reason_code":' + _json(reason.code) + b"}"


def encode(answer: Answer) -> bytes:
    """The answer as a JSON object; every key is always present."""
    options = answer.request.options
    lang, today, places, arm = options.lang, answer.today, answer.places, answer.arm
    rid = answer.recommendation_id.encode()
    names = answer.names
    sentences, unnamed = _REASONS[lang], _UNNAMED[lang]
    pieces = [
        b'{"recommendation_id":"',
        rid,
        _head(options, arm, answer.source, answer.degraded, len(places), answer.generated_at),
    ]
    comma = b""
    for (card, mark), tracking in zip(places, tracking_of(options, arm), strict=False):
        reason = sentences.get(mark) or (
            _named_reason(lang, mark & _REASON_BYTE, names[(mark >> 8) - 1])
            if mark > _REASON_BYTE
            else unnamed
        )
        pieces += (comma, card.text(lang, today), rid, tracking, card.end, reason)
        comma = b","
    exposed_ids = [card.exposed_id for card, _ in places]
    shown = exposure.build(answer.recommendation_id, options.campaign, answer.source, arm, exposed_ids)
    pieces.append(b'],"exposure":"%b"}' % shown.encode() if shown else b'],"exposure":null}')
    return b"".join(pieces)


@lru_cache(maxsize=512)
def _head(
    options: RequestOptions,
    arm: str | None,
    source: str,
    degraded: str | None,
    count: int,
    generated_at: datetime,
) -> bytes:
    """The JSON between the id and the postings, which is the same for most calls of a send."""
    facts = {
        "campaign": options.campaign,
        "variant": options.variant,
        "arm": arm,
        "source": source,
        "degraded": degraded,
        "count": count,
        "generated_at": generated_at.astimezone(UTC).replace(microsecond=0),
    }
    return b'",' + _json(facts)[1:-1] + b',"postings":['
