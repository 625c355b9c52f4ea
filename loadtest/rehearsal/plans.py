"""Planned sends: the plan file, and the calls a second that the send model makes of it."""

from pathlib import Path

from app.capacity.local_time import MINUTE_S
from app.capacity.plan.plan import Plan, parse_plan
from app.capacity.plan.table import PlanError
from app.capacity.play.play import play_plan
from app.capacity.simulation.result import SimulationResult
from loadtest.errors import LoadtestError
from loadtest.generator.target import read_lines

PLAN_SUFFIX = ".toml"


def read_plan_file(path: Path) -> Plan:
    """Read a plan.

    Raises:
        LoadtestError: it is missing or wrong.
    """
    try:
        return parse_plan(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LoadtestError(f"The plan {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise LoadtestError(f"The plan {path} is not UTF-8 text: save it as UTF-8.") from None
    except PlanError as error:
        raise LoadtestError(f"{path}: {error}") from None


def calls_by_second(played: SimulationResult) -> dict[int, int]:
    """Calls in each unix second that has any."""
    return {
        int(minute) * MINUTE_S + place: int(calls)
        for minute, row in zip(played.minutes, played.by_second(), strict=True)
        for place, calls in enumerate(row)
        if calls
    }


def read_trace(path: Path) -> list[float]:
    """Calls in second 0, 1, 2 and so on: a plan (.toml) played by the send model, or a file of one number a line.

    Raises:
        LoadtestError: the file is missing, empty or wrong, or the plan makes no calls.
    """
    return _planned_trace(path) if path.suffix == PLAN_SUFFIX else _listed_trace(path)


def _planned_trace(path: Path) -> list[float]:
    calls = calls_by_second(play_plan(read_plan_file(path)))
    if not calls:
        raise LoadtestError(f"{path}: the plan makes no calls; give a campaign an audience.")
    return [float(calls.get(second, 0)) for second in range(min(calls), max(calls) + 1)]


def _listed_trace(path: Path) -> list[float]:
    numbers = []
    lines = read_lines(path, what="trace", mend="write the calls of each second into it, one number a line")
    for number, line in enumerate(lines, 1):
        try:
            calls = float(line)
        except ValueError:
            calls = -1
        if not 0 <= calls < float("inf"):
            raise LoadtestError(f"Line {number} of the trace {path} is no number of calls: {line!r}.")
        numbers.append(calls)
    return numbers
