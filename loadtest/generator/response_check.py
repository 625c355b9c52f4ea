"""Is an answer one that a mail could use? Pure: status and body in, a finding out."""

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import msgspec

SEOUL = timezone(timedelta(hours=9))  # Korea keeps no summer time; deadlines are Korean dates
CLOSING_KNOWN_AFTER = timedelta(seconds=30)  # how long the service may take to learn of a closing
LARGEST_BODY_BYTES = 1_000_000  # Braze ignores larger responses
GZIP_WINDOW = 31

HTTP_OK = 200
HTTP_REDIRECT = 300
HTTP_CLIENT_ERROR = 400


class ShownPosting(msgspec.Struct):
    """What of a posting can be wrong at send time."""

    deadline: str | None = None
    days_left: int | None = None


class RecommendationBody(msgspec.Struct):
    """What of an answer is checked."""

    postings: list[ShownPosting]
    degraded: str | None = None


@dataclass(frozen=True)
class CallResult:
    """What came of a call: `failure` names why it was of no use (None: usable), `degraded` the reason given in it."""

    failure: str | None = None
    degraded: str | None = None


USABLE = CallResult()

_decoder = msgspec.json.Decoder(RecommendationBody)


def check(status: int, body: bytes, *, gzipped: bool, today: date) -> CallResult:
    """Check one reply that came in time.

    Args:
        status: the HTTP status.
        body: as it came over the wire.
        gzipped: whether it says that it is gzipped.
        today: Korean date by which a posting's deadline is past.
    """
    if not HTTP_OK <= status < HTTP_REDIRECT:
        return CallResult("redirect" if HTTP_REDIRECT <= status < HTTP_CLIENT_ERROR else f"status_{status}")
    if not body:
        return CallResult("empty")
    try:
        text = content(body, gzipped=gzipped)
        answer = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return CallResult("malformed")
    return _check_content(answer, size=len(text), today=today)


def _check_content(answer: RecommendationBody, *, size: int, today: date) -> CallResult:
    if size > LARGEST_BODY_BYTES:
        return CallResult("too_big")
    if not answer.postings:
        return CallResult("no_postings", answer.degraded)
    if any(is_past(posting, today=today) for posting in answer.postings):
        return CallResult("vetoed_posting", answer.degraded)
    return CallResult(None, answer.degraded) if answer.degraded else USABLE


def content(body: bytes, *, gzipped: bool) -> bytes:
    """The body, unzipped if it was zipped.

    Raises:
        msgspec.DecodeError: it is not what it says.
    """
    try:
        return zlib.decompress(body, GZIP_WINDOW) if gzipped else body
    except zlib.error as error:
        raise msgspec.DecodeError(str(error)) from None


def is_past(posting: ShownPosting, *, today: date) -> bool:
    """Whether a posting's deadline lies before `today`."""
    if posting.days_left is not None and posting.days_left < 0:
        return True
    # ISO dates compare as text.
    return posting.deadline is not None and posting.deadline[:10] < today.isoformat()


def korean_day(now: datetime | None = None) -> date:
    """The date in Korea as the service must have known it 30 s later."""
    return ((now or datetime.now(UTC)) - CLOSING_KNOWN_AFTER).astimezone(SEOUL).date()
