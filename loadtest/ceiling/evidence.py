"""Evidence: what a search for the ceiling found and under which circumstances, as one JSON file.

docs/evidence-schema.md describes every field. The version goes up when a reader of the one before would go wrong.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from app.capacity.evidence.file import SCHEMA, VERSION, Verdict
from loadtest.ceiling.search import SearchPhase
from loadtest.ceiling.slo import Finding, PassLine
from loadtest.errors import LoadtestError
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.stats import LoadStats

StepPhase = SearchPhase | Literal["overload", "drift", "cold_start"]
Outcome = Literal["held", "broke", "open", "interrupted", "observed"]
Ended = Literal["finished", "stopped", "out_of_time", "service_lost"]


class _EvidencePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of evidence."""


class CeilingVerdict(Verdict, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found, first as a sentence; `soak_calls` are those of the soak that confirmed it."""

    soak_calls: int


class Distribution(_EvidencePart, frozen=True, kw_only=True):
    """Times in ms: percentiles, and the HdrHistogram they come from (V2, compressed, base64)."""

    percentiles_ms: dict[str, float]
    hdr: str


class StepRecord(_EvidencePart, frozen=True, kw_only=True):
    """One rate, tried."""

    phase: StepPhase
    rps: float
    offered_rps: float
    achieved_rps: float
    began_at: str
    seconds: float
    calls: int
    messages: int
    outcome: Outcome
    broken: tuple[str, ...]
    findings: tuple[Finding, ...]
    latency: Distribution
    service_time: Distribution
    failures: dict[str, int]
    degraded: dict[str, int]
    most_in_flight: int
    generator: GeneratorHealth
    complaint: str | None


class Overload(_EvidencePart, frozen=True, kw_only=True):
    """What overload looks like, and how soon it is over after the load falls to half the ceiling."""

    rps: float
    seconds: float
    usable_share: float
    degraded_share: float
    failures: dict[str, int]
    recovery_s: float | None
    complaint: str | None
    inside_share: float = 0.0


class Drift(_EvidencePart, frozen=True, kw_only=True):
    """The first rate that held, tried again at the end; `falling` where the service had become slower.

    Medians in ms: of its first step, the lowest of all steps that held, and of the last try.
    """

    rps: float
    first_p50_ms: float
    lowest_p50_ms: float
    last_p50_ms: float
    first_achieved_rps: float
    last_achieved_rps: float
    falling: bool


class ColdStart(_EvidencePart, frozen=True, kw_only=True):
    """The seconds right after a restart, at a share of the ceiling.

    `ready_s` is from the restart until the service answered, `settled_s` from then until three seconds in a row kept the
    latency line, None where they did not. Shares are of the calls of all `seconds`.
    """

    rps: float
    seconds: float
    ready_s: float
    usable_share: float
    inside_share: float
    p99_ms: float
    settled_s: float | None


class Event(_EvidencePart, frozen=True, kw_only=True):
    """Something that happened to the service or the search."""

    at: str
    what: str


class TrafficFacts(_EvidencePart, frozen=True, kw_only=True):
    """What the calls were like."""

    spacing: str
    seed: int
    campaign: str
    sends: str
    passes: int
    calls_per_message: float
    unknown_share: float
    preview_share: float
    cut_off_s: float
    limit: int
    lang: str
    members_in_file: int
    messages_sent: int
    members_asked_again: int
    sources_before: dict[str, int]


class Machine(_EvidencePart, frozen=True, kw_only=True):
    """Where the generator ran."""

    host_name: str
    cpu_model: str
    cpu_count: int
    cpus_used: tuple[int, ...]
    python: str
    locust: str
    processes: int
    same_machine_as_service: bool


class EnvironmentRecord(_EvidencePart, frozen=True, kw_only=True):
    """Circumstances. `service` is what the service tells of itself; what it does not tell is named in `untold`."""

    git_commit: str | None
    git_dirty: bool | None
    generator: Machine
    service: dict[str, Any]
    untold: tuple[str, ...]
    limiter: str


class EvidenceFile(_EvidencePart, frozen=True, kw_only=True):
    """The whole file."""

    id: str
    began_at: str
    ended_at: str
    ended: Ended
    host: str
    verdict: CeilingVerdict
    pass_line: PassLine
    traffic: TrafficFacts
    steps: tuple[StepRecord, ...]
    overload: Overload | None
    events: tuple[Event, ...]
    environment: EnvironmentRecord
    drift: Drift | None = None
    cold_start: ColdStart | None = None
    schema: Literal["connected-jobs/load-evidence"] = SCHEMA
    version: Literal[1] = VERSION


def distribution(histogram_of: LoadStats, *, service: bool = False) -> Distribution:
    """Latency from the intended instant, or time in service."""
    times = histogram_of.service if service else histogram_of.latency
    return Distribution(percentiles_ms=times.percentiles_ms(), hdr=times.encoded())


def write_evidence(evidence: EvidenceFile, path: Path) -> None:
    """Write the file whole or not at all; to a device, a pipe or a link as it stands."""
    whole = msgspec.json.format(msgspec.json.encode(evidence), indent=1)
    if path.is_symlink() or path.is_char_device() or path.is_fifo():
        path.write_bytes(whole)
        return
    draft = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(whole)
    draft.replace(path)


def read_evidence(path: Path) -> EvidenceFile:
    """Read an evidence file.

    Raises:
        LoadtestError: it is missing, no evidence, or of another version.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=EvidenceFile)
    except OSError as error:
        raise LoadtestError(f"The evidence {path} cannot be read ({error.strerror}).") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise LoadtestError(f"The file {path} is not evidence of version {VERSION}: {error}.") from None
