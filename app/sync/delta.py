"""What differs between the rows of a query and what a destination has acknowledged: two ordered streams, merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from app.sync.definition import SyncError
from app.sync.values import BadRowValueError, row_digest, same, shortened, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from app.sync.definition import Null
    from app.sync.values import ColumnKind

T = TypeVar("T")
RowPair = tuple[str, str]  # a key, and its values as JSON text


class ChangedRow(msgspec.Struct, frozen=True):
    """What one member's or item's row has to say to a destination.

    Args:
        key: The member's or item's id.
        values: What is sent, by name.
        before: What the destination had acknowledged of these names.
        row: The fingerprint of the whole row.
        gone: Whether the row is no longer in the query, so that the destination is to remove it.
    """

    key: str
    values: dict[str, Any]
    before: dict[str, Any]
    row: bytes
    gone: bool = False


class RefusedRow(msgspec.Struct, frozen=True):
    """A row that is not sent: its key, the fingerprint of what it said, why, and of an event whose it is."""

    key: str
    row: bytes
    sentence: str
    member: str | None = None


class ClearedRow(msgspec.Struct, frozen=True):
    """A row that was refused and is no longer wrong, or no longer there."""

    key: str


Difference = ChangedRow | RefusedRow | ClearedRow


@dataclass(slots=True)
class DeltaCounts:
    """What a comparison met."""

    members: int = 0
    unchanged: int = 0
    changed: int = 0
    values: int = 0
    refused: int = 0
    still_refused: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaRules:
    """How rows are compared.

    Args:
        kinds: What each column holds.
        null: What a NULL means.
        check: What is wrong with a row for its destination, None where nothing is.
        whole: Send all values of a row where one changed, as a catalog's items want it.
        remove_gone: Tell of rows that the destination has and the query no longer gives.
        again: Send what was refused before, though it says the same.
        is_erased: Whether a member was erased here.
    """

    kinds: Mapping[str, ColumnKind]
    null: Null = "skip"
    check: Callable[[str, Mapping[str, Any]], str | None] = field(default=lambda _key, _values: None)
    whole: bool = False
    remove_gone: bool = False
    again: bool = False
    is_erased: Callable[[str], bool] = field(default=lambda _key: False)


@dataclass(frozen=True, slots=True)
class KnownRows:
    """What a destination acknowledged, and which rows were refused by their fingerprints; each ordered by key.

    A row of which nobody knows whether it arrived is JSON's `null`; a value of which that is so is left out.
    """

    sent: Iterator[RowPair]
    refused: Iterator[tuple[str, bytes]]


class OrderedLookup(Generic[T]):
    """Looks keys up in a stream that is ordered by them, if they are asked for in that order."""

    def __init__(self, stream: Iterator[tuple[str, T]]) -> None:
        self._stream = stream
        self._next = next(stream, None)

    def up_to(self, key: str | None) -> Iterator[tuple[str, T]]:
        """What stands before a key, and is not asked for; before the end where the key is None."""
        while self._next is not None and (key is None or self._next[0] < key):
            yield self._next
            self._next = next(self._stream, None)

    def at(self, key: str) -> T | None:
        """What stands at a key."""
        if self._next is None or self._next[0] != key:
            return None
        found = self._next[1]
        self._next = next(self._stream, None)
        return found


def differences(
    rows: Iterator[RowPair], known: KnownRows, rules: DeltaRules, counts: DeltaCounts
) -> Iterator[Difference]:
    """What is to be sent, what is refused, and what is refused no longer, ordered by key.

    Args:
        rows: Of the query, ordered by key, each key once.
        known: What is known of the destination.
        rules: How to compare.
        counts: Added to on the way.

    Raises:
        SyncError: two rows have one key, or the rows are not ordered.
    """
    sent, refused = OrderedLookup(known.sent), OrderedLookup(known.refused)
    last: str | None = None
    for key, text in rows:
        _check_order(last, key)
        last = key
        counts.members += 1
        yield from _gone(sent, key, rules, counts)
        yield from (ClearedRow(passed) for passed, _ in refused.up_to(key))
        acknowledged, refused_row = sent.at(key), refused.at(key)
        found = None if acknowledged == text else _difference((key, text), acknowledged, refused_row, rules)
        if found is None:
            counts.unchanged += 1
            if refused_row is not None:
                yield ClearedRow(key)
        elif isinstance(found, RefusedRow) and found.row == refused_row and not rules.again:
            counts.still_refused += 1
        else:
            yield _counted(found, counts)
    yield from _gone(sent, None, rules, counts)
    yield from (ClearedRow(passed) for passed, _ in refused.up_to(None))


def _check_order(last: str | None, key: str) -> None:
    if last is None or last < key:
        return
    if last == key:
        raise SyncError(
            f"The query gives {shortened(key)!r} in two rows: one member or item is one row. Aggregate, or use DISTINCT ON."
        )
    raise SyncError(
        f"The rows are not ordered by their ids: {shortened(key)!r} comes after {shortened(last)!r}."
    )


def _difference(
    row: RowPair, acknowledged: str | None, refused_row: bytes | None, rules: DeltaRules
) -> ChangedRow | RefusedRow | None:
    """What one row has to say; None where the destination has it all."""
    key, text = row
    digest = row_digest(text)
    if digest == refused_row and not rules.again:
        return RefusedRow(key, digest, "")
    try:
        values = values_of(text, rules.kinds)
    except BadRowValueError as error:
        return RefusedRow(key, digest, str(error))
    if rules.null == "skip":
        values = {name: value for name, value in values.items() if value is not None}
    known: dict[str, Any] | None = None if acknowledged is None else msgspec.json.decode(acknowledged)
    before = known or {}
    changed = {n: v for n, v in values.items() if n not in before or not same(v, before[n])}
    if not changed and not (rules.whole and (known is None or len(before) > len(values))):
        return None
    if rules.is_erased(key):  # not refused either: a list of refused rows would be a trace of them
        return None
    if (problem := rules.check(key, values)) is not None:
        return RefusedRow(key, digest, problem)
    told = values if rules.whole else changed
    return ChangedRow(key, told, {name: before[name] for name in told if name in before}, digest)


def _counted(found: ChangedRow | RefusedRow, counts: DeltaCounts) -> ChangedRow | RefusedRow:
    if isinstance(found, RefusedRow):
        counts.refused += 1
    else:
        counts.changed += 1
        counts.values += len(found.values)
    return found


def _gone(
    sent: OrderedLookup[str], key: str | None, rules: DeltaRules, counts: DeltaCounts
) -> Iterator[ChangedRow]:
    """Rows that the destination has and the query passed over."""
    for passed, text in sent.up_to(key):
        if rules.remove_gone:
            counts.gone += 1
            yield ChangedRow(passed, {}, msgspec.json.decode(text) or {}, b"", gone=True)
