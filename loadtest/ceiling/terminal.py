"""Progress on the terminal: a line that lives and one that stays for each step."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from loadtest.ceiling.evidence import StepRecord
from loadtest.generator.stats import LoadStats

COLOURS = {"held": "green", "broke": "red", "open": "yellow", "interrupted": "yellow", "observed": "cyan"}


class Terminal:
    """Shows the step under way and the steps done; plain lines where there is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._shown = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, sentence: str) -> None:
        """A line that stays."""
        self._console.print(sentence, markup=False, soft_wrap=True)

    def progress(self, phase: str, rps: float, left_s: float, stats: LoadStats, in_flight: int) -> None:
        """The step under way."""
        if not self._console.is_terminal:
            return
        percentiles = stats.latency.percentiles_ms()
        inside = f"{stats.inside / stats.calls:.2%}" if stats.calls else "-"
        text = (
            f"{phase:<10} {rps:7.0f} calls/s  {left_s:4.0f} s left  {stats.calls} calls  inside {inside}  "
            f"p50 {percentiles.get('p50', 0):.0f}  p99 {percentiles.get('p99', 0):.0f} ms  in flight {in_flight}  "
            f"failed {stats.failed}"
        )
        self._live.update(Text(text, style="dim"), refresh=True)

    def rehearsing(self, second: int, calls: int, in_flight: int) -> None:
        """The planned second under way."""
        if self._console.is_terminal:
            text = f"planned second {second}: {calls} calls, {in_flight} in flight"
            self._live.update(Text(text, style="dim"), refresh=True)

    def steps(self, steps: list[StepRecord]) -> None:
        """Lines for the steps that were not shown yet."""
        for step in steps[self._shown :]:
            self._console.print(Text(step_line(step), style=COLOURS[step.outcome]), soft_wrap=True)
        self._shown = len(steps)


def step_line(step: StepRecord) -> str:
    """One step in a line."""
    at = step.latency.percentiles_ms
    bad = ", ".join([*step.broken, *([step.complaint] if step.complaint and step.outcome == "broke" else [])])
    failed = "".join(f"  {kind} {count}" for kind, count in step.failures.items())
    return (
        f"{step.phase:<10} {step.rps:7.0f} calls/s  answered {step.achieved_rps:7.1f}/s  "
        f"p50 {at.get('p50', 0):5.0f}  p99 {at.get('p99', 0):5.0f} ms  {step.outcome}"
        f"{f' ({bad})' if bad else ''}{failed}"
    )
