"""What turned since the last look at the campaigns to come: verdicts, evidence that will be too old, what runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from app.capacity.formats import moment
from app.capacity.planner import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from app.capacity.formats import Lang
    from app.capacity.on_record import JudgedRecord
    from app.capacity.planner import CampaignJudgement

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "GO": ("가능", "GO"),
    "GO_IF": ("조건부 가능", "GO IF"),
    "NO_GO": ("불가", "NO-GO"),
    "RETEST": ("측정 필요", "RETEST"),
}
MOST_KEPT: Final = 1_000  # verdicts of campaigns that are no longer ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look found.

    Attributes:
        verdicts: Of each campaign to come, by its number.
        too_old: The numbers of those for which the load test will be too old.
        fingerprints: Of what ran, in order; none where nothing told.
        last: The last verdict of each campaign that has begun or was taken off since, the newest last.
    """

    verdicts: Mapping[str, str] = field(default_factory=dict)
    too_old: Sequence[str] = ()
    fingerprints: Sequence[str] = ()
    last: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "verdicts": dict(self.verdicts),
            "too_old": list(self.too_old),
            "fingerprints": list(self.fingerprints),
            "last": dict(self.last),
        }

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Seen:
        """Read what `as_json` gave."""
        return cls(
            verdicts=values["verdicts"],
            too_old=values["too_old"],
            fingerprints=values["fingerprints"],
            last=values.get("last", {}),
        )

    def last_verdicts(self) -> Mapping[int, str]:
        """The verdict of each campaign when it was last looked at before it began, by its number."""
        return {int(number): verdict for number, verdict in {**self.last, **self.verdicts}.items()}


def look(before: Seen | None, found: JudgedRecord, fingerprints: Sequence[str]) -> Seen:
    """What is so now, and the last verdicts of what was ahead `before`."""
    verdicts = {number: one.verdict for number, one in _ahead(found)}
    known = {} if before is None else {**before.last, **before.verdicts}
    gone = [(number, verdict) for number, verdict in known.items() if number not in verdicts]
    return Seen(
        verdicts=verdicts,
        too_old=[number for number, one in _ahead(found) if _too_old(found, one)],
        fingerprints=sorted(fingerprints),
        last=dict(gone[-MOST_KEPT:]),
    )


def turned(before: Seen | None, now: Seen, found: JudgedRecord, lang: Lang) -> list[str]:
    """A line for each thing that turned, in a language; of the first look only what will be too old."""
    english = lang == "en"
    known = before or Seen(verdicts=now.verdicts, fingerprints=now.fingerprints)
    lines = []
    for number, one in _ahead(found):
        was = known.verdicts.get(number, one.verdict)
        name = f"{one.name} ({moment(one.starts_at, lang)})"
        if was != one.verdict:
            words = f"{WORDS[was][english]} → {WORDS[one.verdict][english]}"
            lines.append(f"{name}: {words}. {sentence(one, lang)}")
        if number in now.too_old and number not in known.too_old:
            lines.append(
                f"{name}: by then the load test will be too old; measure again before."
                if english
                else f"{name}: 발송일에는 부하 테스트가 유효 기간을 넘깁니다. 그 전에 다시 측정해 주세요."
            )
    if known.fingerprints and now.fingerprints and list(known.fingerprints) != list(now.fingerprints):
        lines.append(
            "The service's program or settings have changed; load tests of before no longer speak of it."
            if english
            else "서비스의 프로그램이나 설정이 바뀌었습니다. 이전 부하 테스트로는 판단할 수 없습니다."
        )
    return lines


def _ahead(found: JudgedRecord) -> Iterator[tuple[str, CampaignJudgement]]:
    """The campaigns to come, with their numbers."""
    if found.judgement is None:
        return
    numbers = {one.name: str(one.id) for one in found.told}
    for one in found.judgement.campaigns:
        if one.state == "planned" and one.name in numbers:
            yield numbers[one.name], one


def _too_old(found: JudgedRecord, one: CampaignJudgement) -> bool:
    """Whether what decides holds now, and no longer when a campaign begins."""
    if found.judgement is None or found.plan is None:
        return False
    ceiling, most_days = found.judgement.ceiling, found.plan.plan.judging.evidence_max_age_days
    if ceiling.ended_at is None or ceiling.retest or one.starts_at is None:
        return False
    return one.starts_at - ceiling.ended_at > timedelta(days=most_days)
