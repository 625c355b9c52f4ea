"""What came of a load phase's calls: counts, two histograms and a line for each second. Adds up over processes."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]  # the package has no types

LONGEST_US = 120_000_000
SIGNIFICANT_DIGITS = 3
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9, 100.0)

# Failures in which nobody was there to answer, as against a slow or wrong answer.
NOBODY_THERE = frozenset({"refused"})


class Histogram:
    """Times from a microsecond to two minutes, to three digits (HdrHistogram)."""

    def __init__(self, encoded: str | None = None) -> None:
        self._hdr: Any = HdrHistogram(1, LONGEST_US, SIGNIFICANT_DIGITS)
        if encoded is not None:
            self._hdr.decode_and_add(encoded)

    def record(self, seconds: float) -> None:
        """Count one time; what is out of range counts as the nearest in range."""
        self._hdr.record_value(min(max(int(seconds * 1e6), 1), LONGEST_US))

    def add(self, other: Self) -> None:
        """Add another's counts to this one."""
        self._hdr.add(other._hdr)

    @property
    def count(self) -> int:
        """How many times were recorded."""
        return int(self._hdr.get_total_count())

    def encoded(self) -> str:
        """The standard HdrHistogram V2 text (compressed, base64), which any HdrHistogram library reads."""
        return str(self._hdr.encode().decode("ascii"))

    def percentiles_ms(self) -> dict[str, float]:
        """Milliseconds at the usual percentiles; empty when nothing was recorded."""
        if not self.count:
            return {}
        # All at once: the library walks the whole histogram for each single percentile.
        values = self._hdr.get_percentile_to_value_dict(PERCENTILES)
        return {f"p{at:g}": values[at] / 1000 for at in PERCENTILES}

    def buckets_ms(self) -> list[tuple[float, int]]:
        """Upper edges in ms, eight to each doubling, and the counts up to them since the edge before."""
        edges = [2 ** (step / 8) for step in range(-8, 8 * 17 + 1)]
        counts = [0] * len(edges)
        place = 0
        for item in self._hdr.get_recorded_iterator():
            while place < len(edges) - 1 and item.value_iterated_to / 1000 > edges[place]:
                place += 1
            counts[place] += item.count_added_in_this_iter_step
        return [(round(edge, 3), count) for edge, count in zip(edges, counts, strict=True) if count]


@dataclass
class SecondCounts:
    """The calls meant to start in one second of a load phase."""

    calls: int = 0
    inside: int = 0
    failed: int = 0
    degraded: int = 0
    latency_sum_s: float = 0.0
    in_flight: int = 0

    def add(self, other: Self) -> None:
        """Add another process's same second."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class LoadStats:
    """One load phase, or one process's part of it, so far.

    `next_message` is the number after the highest message started: of several processes one may be ahead of the others.
    `answered` counts usable answers by the second of the load phase in which they came, `seconds` calls by the one in which
    they were meant to start.
    """

    inside_s: float
    started: int = 0
    late: int = 0
    messages: int = 0
    next_message: int = 0
    inside: int = 0
    bytes_read: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    degraded: Counter[str] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    seconds: dict[int, SecondCounts] = field(default_factory=dict)
    answered: Counter[int] = field(default_factory=Counter)

    @property
    def calls(self) -> int:
        """Calls that ended, one way or another."""
        return self.latency.count

    @property
    def failed(self) -> int:
        """Calls that were of no use to a mail."""
        return self.failures.total()

    def answered_rps(self, seconds: float) -> float:
        """Usable answers a second that came within the whole seconds of the first `seconds`, or within the first one.

        Answers that came later are left out: counted with those before, a queue would make a service look faster than it is.
        """
        whole = max(int(seconds), 1)
        return sum(count for second, count in self.answered.items() if second < whole) / whole

    def second(self, at_s: float) -> SecondCounts:
        """The line of the second in which `at_s` lies."""
        return self.seconds.setdefault(int(at_s), SecondCounts())

    def record(
        self, *, meant_s: float, latency_s: float, service_s: float, failure: str | None, degraded: str | None
    ) -> None:
        """Count a call that ended.

        Args:
            meant_s: when it was meant to start, in seconds of the load phase.
            latency_s: from then to its end.
            service_s: from its real start to its end.
            failure: why it was of no use, or None.
            degraded: the reason its answer gives for not being the best, or None.
        """
        self.latency.record(latency_s)
        self.service.record(service_s)
        line = self.second(meant_s)
        line.calls += 1
        line.latency_sum_s += latency_s
        if degraded is not None:
            self.degraded[degraded] += 1
            line.degraded += 1
        if failure is not None:
            self.failures[failure] += 1
            line.failed += 1
            return
        self.answered[int(meant_s + latency_s)] += 1
        if latency_s <= self.inside_s:
            self.inside += 1
            line.inside += 1

    def add(self, other: Self) -> None:
        """Add another process's part of the same load phase."""
        for name in ("started", "late", "messages", "inside", "bytes_read"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.next_message = max(self.next_message, other.next_message)
        self.failures += other.failures
        self.degraded += other.degraded
        self.answered += other.answered
        self.latency.add(other.latency)
        self.service.add(other.service)
        for at, line in other.seconds.items():
            self.second(at).add(line)

    def to_message(self) -> dict[str, Any]:
        """As plain values for the wire between worker and master."""
        return {
            "inside_s": self.inside_s,
            **{name: getattr(self, name) for name in ("started", "late", "messages", "inside", "bytes_read")},
            "next_message": self.next_message,
            "failures": dict(self.failures),
            "degraded": dict(self.degraded),
            "answered": dict(self.answered),
            "latency": self.latency.encoded(),
            "service": self.service.encoded(),
            "seconds": {at: list(vars(line).values()) for at, line in self.seconds.items()},
        }

    @classmethod
    def from_message(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_message`."""
        return cls(
            **data
            | {
                "failures": Counter(data["failures"]),
                "degraded": Counter(data["degraded"]),
                "answered": Counter({int(second): count for second, count in data["answered"].items()}),
                "latency": Histogram(data["latency"]),
                "service": Histogram(data["service"]),
                "seconds": {int(at): SecondCounts(*values) for at, values in data["seconds"].items()},
            }
        )
