"""An answer as JSON bytes, joined from pieces that were encoded before."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from app.recommend.reasons import SENTENCES
from app.serving.labels import days_left_label

if TYPE_CHECKING:
    from datetime import date

    from app.recommend.board import Closes
    from app.serving.answering import Answer, Place

_json = msgspec.json.encode

_REASONS = {
    lang: {
        int(reason): b'","reason":' + _json(sentence) + b',"reason_code":' + _json(reason.code) + b"}"
        for reason, sentence in sentences.items()
    }
    for lang, sentences in SENTENCES.items()
}


def encode(answer: Answer) -> bytes:
    """The answer's JSON object; keys never disappear."""
    question = answer.question
    head = {
        "recommendation_id": answer.recommendation_id,
        "campaign": question.campaign,
        "variant": question.variant,
        "source": answer.source,
        "degraded": answer.degraded,
        "count": len(answer.places),
        "generated_at": answer.generated_at,
    }
    tracking = {"rid": answer.recommendation_id, "campaign": question.campaign}
    if question.variant:
        tracking["variant"] = question.variant
    link = f"{urlencode(tracking)}&position=".encode()
    postings = b",".join(
        _posting(place, position, question.lang, answer.today, link)
        for position, place in enumerate(answer.places, start=1)
    )
    return b"".join((_json(head)[:-1], b',"postings":[', postings, b"]}"))


def _posting(place: Place, position: int, lang: str, today: date, link: bytes) -> bytes:
    card = place.card
    return b"".join(
        (
            card.head[lang],
            _deadline(card.deadline, card.closes, lang, today),
            card.link,
            link,
            b"%d" % position,
            card.fragment,
            _REASONS[lang][place.reason],
        )
    )


@lru_cache(maxsize=4096)
def _deadline(deadline: date | None, closes: Closes, lang: str, today: date) -> bytes:
    """From the comma before `days_left` to the opening quote of the link."""
    days, label = days_left_label(deadline, closes, lang, today)
    return b',"days_left":' + _json(days) + b',"deadline_label":' + _json(label) + b',"url":"'
