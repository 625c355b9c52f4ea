"""A judgement as the command prints it: the verdict, the three numbers behind it, then campaign by campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from app.capacity.formats import days_ago, time_in_sentence
from app.capacity.planner.reasons import ReasonCode
from app.capacity.planner.wording.catalogue import MEASURE_HOW
from app.capacity.planner.wording.sentences import of_reason, safe_range, say, sentence, ways_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from app.capacity.formats import Lang
    from app.capacity.planner.judgement import CampaignJudgement, Instants, Judgement


SENDABLE: Final = ("GO", "GO_IF")


def as_text(judged: Judgement, lang: Lang) -> str:
    """Write a judgement for people."""
    blocks = [
        [sentence(judged, lang)],
        list(_three_numbers(judged, lang)),
        *(list(_campaign(judged, one, lang)) for one in judged.campaigns),
        list(_collisions(judged, lang)),
        list(_evidence(judged, lang)),
        list(_notes(judged, lang)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _three_numbers(judged: Judgement, lang: Lang) -> Iterator[str]:
    rows = [
        (say(lang, "초당 최대 호출(피크)", "Calls in the busiest second"), _peak(judged, lang)),
        (say(lang, "쓸 수 있는 한도", "Calls that may be planned on"), _usable(judged, lang)),
        (say(lang, "발송 속도", "Delivery speed"), _speeds(judged, lang)),
    ]
    yield from _aligned(rows)


def _peak(judged: Judgement, lang: Lang) -> str:
    planned, advised = judged.planned.peak_rps, judged.advised.peak_rps
    if judged.ceiling.usable_rps is None or advised in {0, planned}:
        return say(
            lang, "초당 {planned:n}건 (최대로 잡았을 때)", "{planned:n}/s (worst case)", planned=planned
        )
    if any(one.open_speed for one in judged.campaigns):
        unchanged = say(lang, "속도 제한이 없으면", "without a limit")
    else:
        unchanged = say(lang, "계획대로면", "as planned")
    return say(
        lang,
        "권장 속도로는 초당 {advised:n}건, {unchanged} {planned:n}건 (최대로 잡았을 때)",
        "{advised:n}/s at the advised speed, {planned:n}/s {unchanged} (worst case)",
        unchanged=unchanged,
        advised=advised,
        planned=planned,
    )


def _usable(judged: Judgement, lang: Lang) -> str:
    ceiling = judged.ceiling
    if ceiling.usable_rps is None or ceiling.low_rps is None:
        return say(lang, "모름: 부하 테스트 결과가 없습니다", "not known: there is no load test")
    return say(
        lang,
        "초당 {usable:u}건 = 보장 처리량 {low:n}건의 {share:p}{less}",
        "{usable:u}/s = {share:p} of the {low:n}/s guaranteed{less}",
        usable=ceiling.usable_rps,
        low=ceiling.low_rps,
        share=ceiling.usable_share,
        less=_base_load(ceiling.base_load_rps, lang),
    )


def _base_load(base_load_rps: Sequence[float], lang: Lang) -> str:
    """What other traffic takes of it, where it takes anything."""
    if not any(base_load_rps):
        return ""
    return say(
        lang,
        ", 다른 트래픽(최대 {most:n}건)은 시간대별로 뺍니다",
        ", less other traffic by the hour (up to {most:n})",
        most=max(base_load_rps),
    )


def _speeds(judged: Judgement, lang: Lang) -> str:
    if len(judged.campaigns) > 1:
        return say(lang, "캠페인마다 아래에", "see each campaign below")
    only = judged.campaigns[0]
    if only.verdict == "NO_GO" and judged.ceiling.usable_rps is not None and only.state == "planned":
        return say(lang, "안전한 속도가 없음", "none is safe")
    if only.verdict not in SENDABLE:
        return "-"
    kept = only.advised_limit_per_min
    ends = safe_range(only) or (None if kept is None else (kept, kept))
    if ends is None:
        return say(lang, "제한 없이", "without a limit")
    if ends[0] == ends[1]:
        return say(lang, "분당 {limit:n}건만", "only {limit:n message} a minute", limit=ends[0])
    return say(
        lang,
        "분당 {lowest:n}건에서 {highest:n}건까지",
        "{lowest:n} to {highest:n} messages a minute",
        lowest=ends[0],
        highest=ends[1],
    )


def _campaign(judged: Judgement, one: CampaignJudgement, lang: Lang) -> Iterator[str]:
    day = None if one.starts_at is None else one.starts_at.date()
    mark = {"GO": "GO", "GO_IF": "GO IF", "NO_GO": "NO-GO", "RETEST": "RETEST"}[one.verdict]
    yield f"■ {one.name} [{mark}]"
    if len(judged.campaigns) > 1:
        yield f"  {sentence(one, lang)}"
    rows = [
        (say(lang, "발송 대상", "Recipients"), _recipients(one, lang)),
        (say(lang, "시작 → 끝", "Start → end"), _times(one, lang, day)),
        (say(lang, "희망 종료 시각", "Wanted by"), _deadline(one, lang, day)),
        (say(lang, "호출", "Calls"), _own_peak(one, lang)),
        (say(lang, "더 빠르면", "Any faster"), _stops(one, lang, day)),
        (say(lang, "더 느리면", "Any slower"), _too_slow(one, lang, day)),
        (_unchanged(one, lang), _as_wished(one, lang, day)),
        (say(lang, "그래도 보내면", "If sent so"), _as_planned(judged, one, lang)),
        ("Braze", " ".join(sentence(done, lang) for done in one.braze)),
        (say(lang, "시간대", "Hours"), " ".join(sentence(said, lang) for said in one.late_hours)),
    ]
    yield from (f"  {line}" for line in _aligned([row for row in rows if row[1]]))


def _recipients(one: CampaignJudgement, lang: Lang) -> str:
    low, likely, high = one.recipients.low, one.recipients.likely, one.recipients.high
    if low == high:
        return say(lang, "{likely:n}명", "{likely:n}", likely=likely)
    return say(
        lang,
        "{likely:n}명 ({low:n}~{high:n}명)",
        "{likely:n} ({low:n} to {high:n})",
        low=low,
        likely=likely,
        high=high,
    )


def _times(one: CampaignJudgement, lang: Lang, day: date | None) -> str:
    if one.starts_at is None:
        return ""
    ends = None if one.verdict == "RETEST" and one.expected is None else one.finishes_at
    return f"{time_in_sentence(one.starts_at, None, lang)} → {_end(ends, lang, day)}"


def _end(finishes_at: Instants | None, lang: Lang, day: date | None) -> str:
    if finishes_at is None or finishes_at.likely is None or finishes_at.high is None:
        return "-"
    likely = time_in_sentence(finishes_at.likely, day, lang)
    if finishes_at.likely == finishes_at.high:
        return likely
    return say(
        lang,
        "{likely} (늦어도 {high:t})",
        "{likely} (at the latest {high:t})",
        day=day,
        likely=likely,
        high=finishes_at.high,
    )


def _deadline(one: CampaignJudgement, lang: Lang, day: date | None) -> str:
    if one.finish_by is None:
        return ""
    by = time_in_sentence(one.finish_by, day, lang)
    if one.chance is None:
        return by
    return say(
        lang,
        "{by}까지 끝날 확률 {share:p} (95% 신뢰구간 {low:p} ~ {high:p})",
        "{by}; chance of ending by then {share:p} (95% interval {low:p} to {high:p})",
        by=by,
        share=one.chance.share,
        low=one.chance.low,
        high=one.chance.high,
    )


def _own_peak(one: CampaignJudgement, lang: Lang) -> str:
    if one.peak_rps is None:
        return ""
    low, likely, high = one.peak_rps.low, one.peak_rps.likely, one.peak_rps.high
    known = low == high
    return say(
        lang,
        "초당 최대 {likely:n}건" + ("" if known else " (최소 {low:n}, 최대 {high:n})"),
        "{likely:n} in the busiest second" + ("" if known else " (low {low:n}, high {high:n})"),
        low=low,
        likely=likely,
        high=high,
    )


def _stops(one: CampaignJudgement, lang: Lang, day: date | None) -> str:
    if one.stops_at is None or one.limit_per_min is None or one.verdict not in SENDABLE:
        return ""
    return of_reason(one.stops_at, lang, day)


def _too_slow(one: CampaignJudgement, lang: Lang, day: date | None) -> str:
    """Say what refuses the nearest lower limit, where one is refused for being too low."""
    lowest = min(one.safe_limits, default=0) if one.verdict in SENDABLE else 0
    below = [
        tried for tried in one.rejected if tried.option == "limit" and (tried.limit_per_min or 0) < lowest
    ]
    return of_reason(below[-1].reason, lang, day) if below else ""


def _unchanged(one: CampaignJudgement, lang: Lang) -> str:
    return say(lang, "제한 없이", "Unlimited") if one.open_speed else say(lang, "계획대로면", "As planned")


def _as_wished(one: CampaignJudgement, lang: Lang, day: date | None) -> str:
    """Say what is wrong with the plan's own limit, where nothing else does."""
    own = next((tried.reason for tried in one.rejected if tried.option == "planned"), None)
    if own is None or one.verdict == "GO" or own == one.stops_at:
        return ""
    return of_reason(own, lang, day)


def _as_planned(judged: Judgement, one: CampaignJudgement, lang: Lang) -> str:
    outcome = one.as_planned
    if outcome is None or one.verdict == "GO":
        return ""
    if not outcome.failures_per_min and one.planned_peak_rps <= (judged.ceiling.low_rps or 0):
        return say(
            lang,
            "보장 처리량 안이라 실패는 없겠지만, 남겨 둔 여유를 다 씁니다.",
            "within what was measured, so nothing should fail; but it uses up what is kept in reserve.",
        )
    return say(
        lang,
        "공고 없는 메일 {blank:n}건({blank_share:p}), 재시도 {retries:n}건, 취소 {aborted:n}건 "
        "(조건에 따라 잃는 메일은 {low:n}~{high:n}건). "
        "호출의 {unanswered:p}가 답을 받지 못합니다{withheld}. "
        "1분에 실패 {failures:n}건({share:p}) — Braze는 {most:n}건과 {part:p}를 함께 넘으면 호출을 끊습니다.",
        "{blank:n} mails without postings ({blank_share:p}), {retries:n} retries, {aborted:n} aborted "
        "(mails lost: {low:n} to {high:n}, as things go). "
        "{unanswered:p} of the calls are not answered{withheld}. "
        "{failures:n} failures in the worst minute ({share:p}); beyond both {most:n} and {part:p} Braze stops calling.",
        unanswered=outcome.cut_off_share + outcome.withheld_share,
        low=outcome.lost.low,
        high=outcome.lost.high,
        withheld=_while_halted(outcome.withheld_share, lang),
        blank_share=outcome.blank_share,
        blank=outcome.blank,
        retries=outcome.retries,
        aborted=outcome.aborted,
        failures=outcome.failures_per_min,
        share=outcome.failure_share,
        most=outcome.breaker_failures,
        part=outcome.breaker_share,
    )


def _while_halted(share: float, lang: Lang) -> str:
    """Say which part of the calls fails because Braze does not call at all."""
    if not share:
        return ""
    return say(
        lang,
        "(그중 전체의 {share:p}는 Braze가 호출을 끊은 동안)",
        " ({share:p} of all while Braze does not call)",
        share=share,
    )


def _collisions(judged: Judgement, lang: Lang) -> Iterator[str]:
    if judged.collisions:
        yield say(lang, "겹치는 발송", "Collisions")
    for met in judged.collisions:
        yield f"  {sentence(met, lang)}"
        yield from (f"    {number}. {way}" for number, way in enumerate(ways_out(met, lang), start=1))


def _evidence(judged: Judgement, lang: Lang) -> Iterator[str]:
    ceiling = judged.ceiling
    yield say(lang, "근거", "Evidence")
    if ceiling.evidence_id is not None and ceiling.ended_at is not None:
        yield "  " + say(
            lang,
            "부하 테스트 {id} ({ended:t}, {ago}): {found}",
            "Load test {id} ({ended:t}, {ago}): {found}",
            id=ceiling.evidence_id,
            ended=ceiling.ended_at,
            ago=days_ago(ceiling.age_days or 0.0, lang),
            found=_found(judged, lang),
        )
    yield from (f"  ! {sentence(why, lang)}" for why in ceiling.retest)
    if judged.verdict == "RETEST":
        yield "  " + say(lang, *MEASURE_HOW)
    if judged.ceiling.usable_rps is not None and judged.instances.why is None:
        yield "  " + say(
            lang,
            "{for_this} 서버 {n:n}대가 필요합니다.",
            "{for_this} it needs {n:n} servers.",
            for_this=_for_this(judged, lang),
            n=judged.instances.needed or 0,
        )
    elif judged.instances.why is not None and judged.instances.why.code not in {
        ReasonCode.INSTANCES_ENOUGH,
        ReasonCode.INSTANCES_NO_EVIDENCE,
    }:
        yield f"  {_instances(judged, lang)}"


def _found(judged: Judgement, lang: Lang) -> str:
    ceiling = judged.ceiling
    form = {
        "ceiling": ("초당 {low:n}건까지 처리", "{low:n} calls/s hold"),
        "at_least": ("적어도 초당 {low:n}건은 처리", "at least {low:n} calls/s hold"),
        "unconfirmed": ("초당 {low:n}건, 확인되지 않음", "{low:n} calls/s, not confirmed"),
        "none": ("기준을 지킨 처리량 없음", "no rate holds"),
    }[ceiling.kind or "none"]
    return say(lang, *form, low=ceiling.low_rps or 0)


def _instances(judged: Judgement, lang: Lang) -> str:
    why = "" if judged.instances.why is None else sentence(judged.instances.why, lang)
    if judged.instances.at_least is None:
        return why
    return say(
        lang,
        "{for_this} 서버가 아무리 적어도 {least:n}대는 있어야 합니다(예측이 아니라 하한). {why}",
        "{for_this} it needs at the very least {least:n} servers (a bound, no forecast). {why}",
        for_this=_for_this(judged, lang),
        least=judged.instances.at_least,
        why=why,
    )


def _for_this(judged: Judgement, lang: Lang) -> str:
    """What the servers are for: the plan, or, where it leaves speeds open, those that are safe and in time."""
    if any(one.open_speed for one in judged.campaigns):
        return say(lang, "제때 보내려면", "To end in time")
    return say(lang, "계획대로 보내려면", "As planned")


def _notes(judged: Judgement, lang: Lang) -> Iterator[str]:
    yield say(lang, "전제", "Assumed")
    yield from (f"  - {sentence(note, lang)}" for note in judged.notes)
    values = ", ".join(f"{one['name']} = {_value(one['value'])}" for one in judged.assumptions)
    yield "  - " + say(
        lang,
        "Braze의 동작 (docs/plan-file.md, assumptions): {values}",
        "How Braze behaves (docs/plan-file.md, assumptions): {values}",
        values=values,
    )


def _value(value: object) -> str:
    """Write the value of an assumption as a plan file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max((cell_len(name) for name, _ in rows), default=0)
    return [f"{name}{' ' * (width - cell_len(name))}  {value}" for name, value in rows]
