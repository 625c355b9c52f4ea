"""The benchmark's table, its goals, and its JSON."""

from __future__ import annotations

import platform
import statistics
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest.bench.contenders import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadtest.bench.turn import Turn

PACKAGES = (
    *("flask", "werkzeug", "gunicorn", "granian", "psycopg", "sqlalchemy", "msgspec"),
    *("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "asyncpg"),
)


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure's median over the rounds, and its least and greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one or more values."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class PeerResult:
    """A peer's figures over all rounds."""

    throughput_rps: Spread
    server_cpu_us: Spread
    postgres_cpu_us: Spread
    p50_ms: Spread
    p99_ms: Spread
    server_busy: Spread
    memory_mb: Spread
    transactions_a_call: Spread
    client_cpu_share: Spread
    client_late_p99_ms: Spread
    unanswered: int


def peer_results(turns: Sequence[Turn]) -> dict[str, PeerResult]:
    """Figures by peer, in the order they took turns."""
    return {
        key: _peer_result([turn for turn in turns if turn.peer == key])
        for key in dict.fromkeys(t.peer for t in turns)
    }


def _peer_result(turns: Sequence[Turn]) -> PeerResult:
    arrivals = [turn.arrivals for turn in turns if turn.arrivals]
    return PeerResult(
        throughput_rps=Spread.of([turn.closed.throughput_rps for turn in turns]),
        server_cpu_us=Spread.of([turn.server_cpu_us for turn in turns]),
        postgres_cpu_us=Spread.of([turn.postgres_cpu_us for turn in turns]),
        p50_ms=Spread.of([a.p50_ms for a in arrivals]),
        p99_ms=Spread.of([a.p99_ms for a in arrivals]),
        server_busy=Spread.of([turn.server_busy for turn in turns]),
        memory_mb=Spread.of([turn.memory_mb for turn in turns]),
        transactions_a_call=Spread.of([turn.transactions_a_call for turn in turns]),
        client_cpu_share=Spread.of([a.cpu_share for a in arrivals]),
        client_late_p99_ms=Spread.of([a.late_p99_ms for a in arrivals]),
        unanswered=sum(a.unanswered for a in arrivals),
    )


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio of two peers' medians that should keep a line; `least` says on which side of it."""

    name: str
    over: str
    under: str
    figure: Callable[[PeerResult], float]
    line: float
    least: bool


def _cpu(peer_result: PeerResult) -> float:
    return peer_result.server_cpu_us.median


def _throughput(peer_result: PeerResult) -> float:
    return peer_result.throughput_rps.median


def _p99(peer_result: PeerResult) -> float:
    return peer_result.p99_ms.median


GOALS = (
    Goal("CPU of b / d", "b", "d", _cpu, 1.3, least=False),
    Goal("throughput of b / e", "b", "e", _throughput, 0.55, least=True),
    Goal("throughput of b / e2", "b", "e2", _throughput, 1.0, least=True),
    Goal("p99 of b / e", "b", "e", _p99, 1.0, least=False),
    Goal("throughput of a / c", "a", "c", _throughput, 0.8, least=True),
    Goal("CPU of c / a", "c", "a", _cpu, 0.8, least=True),
    Goal("throughput of bg / e", "bg", "e", _throughput, 1.1, least=True),
    Goal("throughput of bg / e2", "bg", "e2", _throughput, 1.0, least=True),
    Goal("p99 of bg / e", "bg", "e", _p99, 1.0, least=False),
)


@dataclass(frozen=True, slots=True)
class GoalVerdict:
    """A goal's ratio and whether it keeps the line."""

    name: str
    ratio: float
    line: str
    met: bool


def verdicts(found: dict[str, PeerResult]) -> list[GoalVerdict]:
    """Every goal whose two peers were measured."""
    return [
        _verdict(goal, goal.figure(found[goal.over]) / goal.figure(found[goal.under]))
        for goal in GOALS
        if goal.over in found and goal.under in found
    ]


def _verdict(goal: Goal, ratio: float) -> GoalVerdict:
    met = ratio >= goal.line if goal.least else ratio <= goal.line
    return GoalVerdict(goal.name, ratio, f"{'>=' if goal.least else '<='} {goal.line:g}", met)


def table(found: dict[str, PeerResult]) -> str:
    """For people: medians, with the least and the greatest round beside them."""
    names = {peer.key: peer.name for peer in ALL}
    head = (
        f"{'':<3} {'':<45} {'calls/s':>20} {'server us/call':>18} {'Postgres us':>11} "
        f"{'p50 ms':>7} {'p99 ms':>20} {'reads':>6} {'MB':>5}"
    )
    lines = [
        f"{key:<3} {names[key]:<45} {_three(s.throughput_rps, 0):>20} {_three(s.server_cpu_us, 0):>18} "
        f"{s.postgres_cpu_us.median:>11.0f} {s.p50_ms.median:>7.2f} {_three(s.p99_ms, 1):>20} "
        f"{s.transactions_a_call.median:>6.2f} {s.memory_mb.median:>5.0f}"
        for key, s in found.items()
    ]
    return "\n".join([head, *lines])


def _three(spread: Spread, digits: int) -> str:
    return f"{spread.median:.{digits}f} ({spread.least:.{digits}f}-{spread.greatest:.{digits}f})"


def goal_lines(made: Sequence[GoalVerdict]) -> str:
    """For people: each goal, its ratio, and whether it is met."""
    return "\n".join(
        f"{v.name:<24} {v.ratio:>6.2f}  {v.line:>8}  {'met' if v.met else 'NOT met'}" for v in made
    )


def circumstances() -> dict[str, Any]:
    """The machine and the versions of what was measured."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(models),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def as_json(
    turns: Sequence[Turn], found: dict[str, PeerResult], made: Sequence[GoalVerdict]
) -> dict[str, Any]:
    """Everything, the single rounds included."""
    return {
        "standings": {key: asdict(peer_result) for key, peer_result in found.items()},
        "goals": [asdict(verdict) for verdict in made],
        "turns": [asdict(turn) for turn in turns],
    }
