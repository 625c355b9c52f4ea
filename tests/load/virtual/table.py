"""The real search on every service of known capacity, many times, in virtual time.

`python -m tests.load.virtual.table 60` prints the table of docs/measurements/ceiling.md; names of services after the number,
such as `mm20 leak`, print their rows.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from loadtest.ceiling.evidence import CeilingVerdict
from loadtest.ceiling.search import SearchResult
from loadtest.ceiling.step import SearchBudget
from loadtest.ceiling.whole_search import search_whole
from tests.load.virtual.generator import virtual_runner
from tests.load.virtual.services import KNOWN

TRUE_WITHIN = 0.05
START_RPS, HIGHEST_RPS, PRECISION = 25.0, 100_000.0, 0.05  # the command's own
PROCESSES = 2


def searched(name: str, seed: int) -> tuple[SearchResult, float]:
    """One search with the options that the command has by itself; and the seconds that it would have taken."""
    runner = virtual_runner(KNOWN[name].made(seed), SearchBudget(), seed=seed)
    found = search_whole(runner, start_rps=START_RPS, highest_rps=HIGHEST_RPS, precision=PRECISION)
    return found.result, runner.elapsed_s


def is_true(name: str, result: SearchResult | CeilingVerdict) -> bool:
    """Whether a ceiling is within 5 % of the truth, or what has none is not said to have one."""
    truth = KNOWN[name].ceiling_rps
    if result.kind == "ceiling":
        return truth is not None and abs(result.rps / truth - 1) <= TRUE_WITHIN
    return truth is None or result.kind != "at_least" or result.rps <= truth * (1 + TRUE_WITHIN)


def row(name: str, found: Sequence[tuple[SearchResult, float]]) -> str:
    """A line of the table."""
    known, results = KNOWN[name], [result for result, _ in found]
    kinds = Counter(result.kind for result in results)
    ceilings = sorted(result.rps for result in results if result.kind == "ceiling")
    spread = (
        " / ".join(f"{ceilings[round(share * (len(ceilings) - 1))]:.1f}" for share in (0.05, 0.5, 0.95))
        if ceilings
        else "-"
    )
    falling = sum("falling" in result.bound_by for result in results)
    untrue = sum(not is_true(name, result) for result in results)
    truth = "none" if known.ceiling_rps is None else f"{known.ceiling_rps:g}"
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    minutes = sum(seconds for _, seconds in found) / len(found) / 60
    return (
        f"| {known.described} | {truth} | {said}{f' ({falling} falling)' if falling else ''} | {spread} | {untrue} | "
        f"{minutes:.0f} |"
    )


def main() -> None:
    """Print the table."""
    times, names = int(sys.argv[1]) if sys.argv[1:] else 60, sys.argv[2:] or list(KNOWN)
    print("| Service | Truth | Found | Ceilings: 5 / 50 / 95 % | Not true | Minutes |")  # noqa: T201 - a table
    print("|---|---|---|---|---|---|")  # noqa: T201 - a table
    with ProcessPoolExecutor(PROCESSES) as pool:
        for name in names:
            found = list(pool.map(searched, repeat(name, times), range(1, times + 1)))
            print(row(name, found), flush=True)  # noqa: T201 - a table


if __name__ == "__main__":
    main()
