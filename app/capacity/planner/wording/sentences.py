"""Every verdict, reason and way out as a sentence, in Korean and English, from a code and its numbers.

For marketers: no word of ours that Braze or a mail does not have. Numbers in templates carry their form: `n` a number
with separators, `p` a share in percent, `t` a time of day (with its date where that is another day than `day`), `u` what
may be used, rounded down: calls are whole, so as many are never too many.
"""

from __future__ import annotations

from math import ceil, floor
from string import Formatter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from app.capacity.planner.judgement import (
        CampaignJudgement,
        Collision,
        Instants,
        Judgement,
        Lang,
        Reason,
    )

MOST_NAMED: Final = 3  # campaigns that a sentence names; the others are counted
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FEW: Final = 10  # numbers below it keep a decimal
HALF_A_TENTH: Final = 0.0005

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "finish_by": (
        "{speed} {finishes_at:t}에 끝나, 바라는 시각({finish_by:t})을 넘깁니다.",
        "{speed}, it ends at {finishes_at:t}, later than the {finish_by:t} you want.",
    ),
    "abort_72h": (
        "{speed} {aborted:n}건이 {hours:n}시간 안에 나가지 못해 Braze가 취소합니다.",
        "{speed}, {aborted:n} messages wait for {hours:n} hours and Braze aborts them.",
    ),
    "not_tried": (
        "{speed} 어떨지는, 캠페인이 너무 많아 따져 보지 못했습니다.",
        "{speed}: not worked out, as too many campaigns share one limit.",
    ),
    "end_of_list": (
        "Braze에서 고를 수 있는 가장 빠른 속도라도 괜찮습니다.",
        "Even the fastest speed that Braze offers will do.",
    ),
    "nothing_to_send": ("받는 사람이 없습니다.", "There is nobody to send to."),
    "in_the_past": (
        "시작 시각이 지났습니다. 아직 보내지 않았다면 새 시각을 정한 뒤 다시 확인하세요.",
        "The start has passed. If it has not been sent, choose a new time and check again.",
    ),
    "all_skipped": (
        "시작할 때 모든 회원의 시간이 이미 지나, 아무에게도 나가지 않습니다.",
        "Every member's time has passed at launch: it would go to nobody.",
    ),
    "makes_late": (
        "{speed} {names} 캠페인이 제때 나가지 못합니다.",
        "{speed}, it keeps {names} from being sent in time.",
    ),
    "pushes_aside": (
        "단, 먼저 등록된 {names} 캠페인이 비켜 주어야 합니다.",
        "But {names}, on record before it, has to give way.",
    ),
    "none_later": (
        "마감을 늦춰도 소용없습니다. 지금 서비스가 감당하는 속도로는 {hours:n}시간 안에 모두 나가지 못해 Braze가 나머지를 취소합니다.",
        "Waiting does not help: at what the service carries, not all are sent within {hours:n} hours, and Braze aborts the rest.",
    ),
    "evidence_missing": (
        "이 서비스가 얼마나 견디는지 잰 부하 시험이 아직 없습니다.",
        "No load test has measured yet what the service sustains.",
    ),
    "evidence_ahead": (
        "부하 시험의 날짜가 미래로 되어 있어 쓸 수 없습니다. 시계를 맞추고 다시 재야 합니다.",
        "The load test is dated ahead of now, and so not to be used: set the clock and measure again.",
    ),
    "evidence_unconfirmed": (
        "부하 시험이 끝까지 가지 못해, 오래 견디는지 확인되지 않았습니다.",
        "The load test did not get to the part that confirms its result.",
    ),
    "evidence_none": (
        "부하 시험에서 견디는 속도를 찾지 못했습니다.",
        "The load test found no rate that the service sustains.",
    ),
    "evidence_lower_bound": (
        "부하 시험이 서비스의 한계까지 올라가지 않아, 이만큼 견디는지 알 수 없습니다.",
        "The load test never reached the service's limit, so nobody knows whether it carries this.",
    ),
    "evidence_old": (
        "부하 시험이 {age_days:n}일 전 것이라 너무 오래되었습니다(최대 {max_age_days:n}일).",
        "The load test is {age_days:n} days old, more than the {max_age_days:n} allowed.",
    ),
    "evidence_fingerprint": (
        "부하 시험 뒤에 서비스의 프로그램이나 설정이 바뀌었습니다.",
        "The service's program or settings have changed since the load test.",
    ),
    "evidence_tables": (
        "부하 시험 뒤에 데이터 크기가 20 % 넘게 달라졌습니다({table}: {measured:n}건에서 {running:n}건).",
        "The data has changed in size by more than 20 % since the load test ({table}: {measured:n} then, {running:n} now).",
    ),
    "evidence_instances": (
        "부하 시험은 서버 {measured:n}대로 했는데 지금은 {running:n}대가 돌고 있습니다.",
        "The load test had {measured:n} instances, and {running:n} run now.",
    ),
    "evidence_untold": (
        "부하 시험이 무엇을 쟀는지({what}) 기록되어 있지 않아, 지금 서비스와 같은지 알 수 없습니다.",
        "The load test does not say what it measured ({what}), so nobody knows whether it was what runs now.",
    ),
    "measure_how": (
        "서비스 담당자에게 부하 시험을 부탁하세요: `python -m loadtest ceiling`, 지금과 같은 서버 수와 설정으로.",
        "Ask those who run the service for a load test: `python -m loadtest ceiling`, with the instances and settings of now.",
    ),
    "instances_no_evidence": (
        "부하 시험이 없어 서버가 몇 대 필요한지 말할 수 없습니다.",
        "Without a load test nobody can say how many instances it needs.",
    ),
    "instances_enough": ("지금 서버로 충분합니다.", "What was measured is enough."),
    "instances_too_few_sizes": (
        "서버를 늘리면 얼마나 빨라지는지는 서로 다른 대수 {fewest:n}가지로 재야 알 수 있습니다. {measure}대로도 재 보세요.",
        "What more instances add is known from {fewest:n} different numbers of them: measure with {measure}, too.",
    ),
    "instances_unmeasured": (
        "이 발송은 서버 {wanted:n}대로 한다고 적혀 있는데, 부하 시험은 {measured:n}대로 했습니다. {wanted:n}대로도 재 보세요.",
        "This send counts on {wanted:n} instances, and the load test had {measured:n}: measure with {wanted:n}, too.",
    ),
    "instances_beyond_measured": (
        "잰 것({largest:n}대)의 두 배인 {furthest:n}대로도 모자랍니다. 더 많은 대수로 재 보세요.",
        "Not even {furthest:n} instances do, twice the {largest:n} that were measured: measure with more.",
    ),
    "braze_wait": (
        "아직 발송을 예약하지 마세요.",
        "Do not schedule it yet.",
    ),
    "braze_no_limit": (
        "발송 속도 제한(Delivery Speed Limit)은 꺼 둬도 됩니다.",
        "The delivery speed limit may stay off.",
    ),
    "braze_limit": (
        "발송 속도 제한(Delivery Speed Limit)에 분당 {limit_per_min:n}건을 입력하세요.",
        "Delivery speed limit: {limit_per_min:n} messages a minute.",
    ),
    "braze_retry": (
        "템플릿에 `:retry`가 있습니다. 호출이 실패한 메일은 Braze가 나중에 다시 보냅니다.",
        "The template has `:retry`: Braze tries a mail again whose call failed.",
    ),
    "braze_abort": (
        "템플릿이 호출에 실패하면 그 메일을 보내지 않습니다(abort_message).",
        "The template aborts a mail whose call failed (abort_message).",
    ),
    "braze_blank": (
        "템플릿에 `:retry`도 abort도 없습니다. 호출이 실패하면 공고 없는 메일이 나갑니다.",
        "The template has neither `:retry` nor an abort: a mail whose call failed goes out without postings.",
    ),
    "note_begun": (
        "이미 시작한 발송은 속도를 바꾸기 어렵습니다: {names}.",
        "Begun already, and so not to be changed easily: {names}.",
    ),
    "note_breaker": (
        "계획대로 보내면 1분에 {failures_per_min:n}건까지 실패해, Braze가 이 서비스로의 호출을 {halts:n}번 1분씩 끊습니다.",
        "As planned, up to {failures_per_min:n} calls fail in a minute, and Braze stops calling the service for a minute {halts:n} times.",
    ),
    "note_skipped": (
        "‘{name}’: 시작할 때 이미 시간이 지난 {skipped:n}명은 건너뜁니다.",
        '"{name}": {skipped:n} members are skipped, their time having passed at launch.',
    ),
    "note_unchecked": (
        "지금 돌고 있는 서비스와 비교하지 못했습니다({what}). 부하 시험의 날짜만 확인했습니다.",
        "Not compared with what runs now: {what}. Of the load test only the date was checked.",
    ),
    "note_calls_assumed": (
        "메일 한 통이 몇 번 호출하는지 몰라 {low:n}~{high:n}번으로 보고, {high:n}번으로 판단했습니다: {names}.",
        "How often one mail calls is not known: taken as {low:n} to {high:n} times, and judged at {high:n}: {names}.",
    ),
    "note_burst_assumed": (
        "1분 안에서 가장 몰리는 1초는 평균의 {high:n}배까지로 가정했습니다: {names}.",
        "The busiest second of a minute is assumed to be up to {high:n} times the mean: {names}.",
    ),
    "note_offered_assumed": (
        "Braze에서 고를 수 있는 속도 목록은 공개되어 있지 않아 가정한 것입니다.",
        "Which speeds Braze offers is not published, and so assumed.",
    ),
    "note_triggered": (
        "회원 행동에 따라 나가는 메일은 1분에 몰릴 수 있는 최대치(백만 번에 한 번 넘는 수준)로 판단했습니다.",
        "Mails that follow what members do are judged at what chance exceeds once in a million.",
    ),
    "note_speed": (
        "Braze의 발송 속도는 상한이지 약속이 아닙니다. 실제로는 더 늦게 끝날 수 있습니다.",
        "Braze's delivery speed is a limit and no promise: a send may end later.",
    ),
    "note_not_tried": (
        "캠페인이 많아 일부 속도는 따져 보지 못했습니다. 더 빠른 속도도 가능할 수 있습니다.",
        "With so many campaigns some speeds were not worked out: a faster one may do.",
    ),
    "note_play_cut_short": (
        "‘계획대로 보내면’의 결과는 처음 {played_min:n}분만 계산한 것입니다.",
        "What happens as planned was worked out for the first {played_min:n} minutes only.",
    ),
    "note_chance_together": (
        "끝날 가능성은 여러 캠페인의 인원이 함께 많거나 적다고 보고 계산했습니다.",
        "The chances take it that all audiences are larger, or smaller, together.",
    ),
    "note_plays_only": (
        "계획 파일의 service와 failures는 판단에 쓰지 않았습니다.",
        "The plan's tables service and failures are for plays, and were not used.",
    ),
}
BREAKS: Final[Mapping[str, tuple[str, str]]] = {
    "latency_slo": (" 이를 넘기면 응답이 느려집니다.", " Beyond that, answers become slow."),
    "cut_offs": (
        " 이를 넘기면 2초 안에 답하지 못하는 호출이 생깁니다.",
        " Beyond that, calls are cut off after 2 seconds.",
    ),
    "failures": (" 이를 넘기면 호출이 실패합니다.", " Beyond that, calls fail."),
    "limiter": (
        " 이를 넘기면 서비스가 정해 둔 호출 제한에 걸립니다.",
        " Beyond that, the service's own limit on calls sets in.",
    ),
    "database": (
        " 이를 넘기면 데이터베이스가 따라가지 못해 맞춤 공고 대신 인기 공고가 나갑니다.",
        " Beyond that, the database cannot follow, and popular postings go out instead of personal ones.",
    ),
    "service_went_away": (" 이를 넘기면 서비스가 멈춥니다.", " Beyond that, the service goes away."),
    "ceiling": ("", ""),
}
WHAT: Final[Mapping[str, tuple[str, str]]] = {
    "fingerprint": ("프로그램과 설정", "program and settings"),
    "instances": ("서버 대수", "number of instances"),
    "tables": ("데이터 크기", "size of the data"),
}
TABLES: Final[Mapping[str, tuple[str, str]]] = {
    "postings": ("공고", "postings"),
    "members": ("회원", "members"),
    "activity": ("활동", "activity"),
    "lists": ("추천 목록", "recommendation lists"),
}


class _Words(Formatter):
    """Formats templates; `day` is the day whose times need no date."""

    def __init__(self, lang: Lang, day: date | None) -> None:
        self._lang = lang
        self._day = day

    def format_field(self, value: Any, format_spec: str) -> Any:
        match format_spec:
            case "n":
                return count(value)
            case "p":
                return percent(value)
            case "t":
                return clock(value, self._day, self._lang)
            case "u":
                return count(floor(value))
        return super().format_field(value, format_spec)


def say(lang: Lang, korean: str, english: str, /, *, day: date | None = None, **numbers: object) -> str:
    """Fill in the template of a language."""
    return _Words(lang, day).vformat(korean if lang == "ko" else english, (), numbers)


def count(value: float) -> str:
    """Write a number with separators; small broken ones keep a decimal."""
    return f"{value:,.0f}" if value >= FEW or float(value).is_integer() else f"{value:,.1f}"


def percent(share: float) -> str:
    """Write a share; a tenth of a percent is told apart near the ends only."""
    near_an_end = 0 < share < 1 and (share < 1 / FEW or share > 1 - 1 / FEW)
    if near_an_end:
        return f"{min(max(share, HALF_A_TENTH * 2), 1 - HALF_A_TENTH * 2) * 100:.1f} %"
    return f"{share * 100:.0f} %"


def clock(at: datetime, day: date | None, lang: Lang) -> str:
    """Write a time of day, with its date on another day than `day`, and its year where that differs too."""
    time = f"{at:%H:%M}"
    if day == at.date():
        return time
    year = "" if day is None or day.year == at.year else f"{at.year}"
    if lang == "ko":
        return f"{f'{year}년 ' if year else ''}{at.month}월 {at.day}일 {time}"
    return f"{time} on {at.day} {MONTHS[at.month - 1]}{f' {year}' if year else ''}"


def quoted(names: Sequence[str], lang: Lang) -> str:
    """List names of campaigns, the first few."""
    left = len(names) - MOST_NAMED
    listed = ", ".join(f"‘{name}’" if lang == "ko" else f'"{name}"' for name in names[:MOST_NAMED])
    if left <= 0:
        return listed
    return listed + (f" 외 {left}개" if lang == "ko" else f" and {left} more")


def reason(given: Reason, lang: Lang, day: date | None = None) -> str:
    """Say a reason."""
    numbers = dict(given.numbers)
    if given.code in BREAKS:
        return _too_much(given.code, numbers, lang, day)
    korean, english = SENTENCES[given.code]
    return say(lang, korean, english, day=day, **_filled(numbers, lang))


def _too_much(code: str, numbers: dict[str, Any], lang: Lang, day: date | None) -> str:
    said = say(
        lang,
        "{speed} {at:t}에 1초 동안 최대 {peak_rps:n}건을 호출합니다. 여유를 두고 쓸 수 있는 것은 초당 {usable_rps:u}건입니다.{with_}",
        "{speed}, up to {peak_rps:n} calls come in one second at {at:t}; {usable_rps:u} may be planned on.{with_}",
        day=day,
        with_=_with(numbers["others"], lang),
        **_filled(numbers, lang),
    )
    return said + BREAKS[code][lang == "en"]


def _with(others: Sequence[str], lang: Lang) -> str:
    if not others:
        return ""
    return (
        f" 같은 때 {quoted(others, lang)}도 나갑니다."
        if lang == "ko"
        else f" {quoted(others, lang)} is sent then, too."
    )


def _filled(numbers: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """Turn what is not a number into words."""
    filled = dict(numbers)
    if "limit_per_min" in filled:
        filled["speed"] = _speed(filled["limit_per_min"], lang)
    if "names" in filled:
        filled["names"] = quoted(filled["names"], lang)
    if "table" in filled:
        filled["table"] = _word(TABLES, filled["table"], lang)
    if "what" in filled:
        what = (filled["what"],) if isinstance(filled["what"], str) else filled["what"]
        filled["what"] = ", ".join(_word(WHAT, one, lang) for one in what)
    if "measure" in filled:
        filled["measure"] = ", ".join(map(count, filled["measure"]))
    return filled


def _word(words: Mapping[str, tuple[str, str]], name: str, lang: Lang) -> str:
    return words.get(name, (name, name))[lang == "en"]


def _speed(limit_per_min: int | None, lang: Lang) -> str:
    if limit_per_min is None:
        return "속도 제한 없이 보내면" if lang == "ko" else "Without a speed limit"
    return (
        f"분당 {count(limit_per_min)}건이면"
        if lang == "ko"
        else f"At {count(limit_per_min)} messages a minute"
    )


def campaign(judged: CampaignJudgement, lang: Lang) -> str:
    """Say the verdict on one campaign: yes or no, the number to type, when it ends."""
    day = None if judged.starts_at is None else judged.starts_at.date()
    if judged.state != "planned" and judged.binding is not None:
        return reason(judged.binding, lang, day)
    return _verdict(judged, lang, day)


def _verdict(judged: CampaignJudgement, lang: Lang, day: date | None) -> str:
    why = "" if judged.binding is None else reason(judged.binding, lang, day)
    match judged.verdict:
        case "GO" if judged.binding is not None and judged.binding.code == "nothing_to_send":
            return say(lang, "보내도 됩니다. {why}", "Yes. {why}", why=why)
        case "GO":
            return f"{_go(judged, lang)} {_ends(judged.finishes_at, lang, day)}".rstrip()
        case "GO_IF" if judged.binding is not None and judged.binding.code == "pushes_aside":
            return f"{_go(judged, lang)} {why} {_ends(judged.finishes_at, lang, day)}".rstrip()
        case "GO_IF":
            return f"{_go_if(judged, lang)} {_ends(judged.finishes_at, lang, day)}".rstrip()
        case "NO_GO":
            no = say(lang, "이대로는 보내지 마세요. {why}", "No, not like this. {why}", why=why)
            return no + _if_later(judged, lang, day)
    return say(lang, "아직 답할 수 없습니다. {why}", "Nobody can say yet. {why}", why=why) + _so_far(
        judged, lang
    )


def _if_later(judged: CampaignJudgement, lang: Lang, day: date | None) -> str:
    """Where only the deadline refuses: say which one would do, or that none does."""
    if judged.none_later is not None:
        return " " + reason(judged.none_later, lang, day)
    if judged.if_later is None:
        return ""
    return say(
        lang,
        " {end:t}까지 기다릴 수 있으면 {speed} 보내도 됩니다.",
        " If {end:t} is soon enough, it may go {speed}.",
        day=day,
        end=judged.if_later.finishes_at,
        speed=_speed_then(judged.if_later.limit_per_min, lang),
    )


def _speed_then(limit_per_min: Any, lang: Lang) -> str:
    if limit_per_min is None:
        return say(lang, "속도 제한 없이", "without a speed limit")
    return say(lang, "분당 {limit:n}건으로", "at {limit:n} messages a minute", limit=limit_per_min)


def _go(judged: CampaignJudgement, lang: Lang) -> str:
    if judged.advised_limit_per_min is None:
        return say(
            lang, "보내도 됩니다. 속도 제한 없이 보내도 괜찮습니다.", "Yes, send it, without a speed limit."
        )
    return say(
        lang,
        "보내도 됩니다. 발송 속도는 계획한 분당 {limit:n}건 그대로 두세요.",
        "Yes, send it. Keep the delivery speed at {limit:n} messages a minute.",
        limit=judged.advised_limit_per_min,
    )


def _go_if(judged: CampaignJudgement, lang: Lang) -> str:
    """Name one speed: the end that is told beside it is that speed's."""
    at_once = judged.kind == "at_once"
    once, opening = (
        ("단, 한꺼번에 보내지 말고 ", "Yes, but not all at once: set")
        if at_once
        else ("", "Yes, send it. Set")
    )
    return say(
        lang,
        f"보내도 됩니다. {once}발송 속도를 분당 {{limit:n}}건으로 설정하세요.",
        f"{opening} the delivery speed at {{limit:n}} messages a minute.",
        limit=judged.advised_limit_per_min or 0,
    )


def lowest_below(judged: CampaignJudgement, highest: int) -> int | None:
    """Return the lowest limit from which on, up to `highest`, every offered one is safe; None where all are."""
    refused = [one.limit_per_min for one in judged.rejected if one.limit_per_min is not None]
    below = max((limit for limit in refused if limit < highest), default=None)
    if below is None:
        return None
    return min((limit for limit in judged.safe_limits if below < limit), default=highest)


def _ends(finishes_at: Instants | None, lang: Lang, day: date | None) -> str:
    if finishes_at is None or finishes_at.likely is None or finishes_at.high is None:
        return ""
    if finishes_at.likely == finishes_at.high:
        return say(
            lang, "{likely:t}에 끝납니다.", "It ends at {likely:t}.", day=day, likely=finishes_at.likely
        )
    return say(
        lang,
        "{likely:t}쯤, 늦어도 {high:t}에 끝납니다.",
        "It ends at about {likely:t}, at the latest at {high:t}.",
        day=day,
        likely=finishes_at.likely,
        high=finishes_at.high,
    )


def _so_far(judged: CampaignJudgement, lang: Lang) -> str:
    """What a lower bound already shows to be safe; what was measured of another service shows nothing."""
    shown = judged.binding is not None and judged.binding.code == "evidence_lower_bound"
    if not shown or judged.advised_limit_per_min is None:
        return ""
    limit = judged.advised_limit_per_min
    lowest = lowest_below(judged, limit)
    if lowest in {None, limit}:
        return say(
            lang,
            " 지금 있는 시험 결과로는 분당 {limit:n}건까지만 괜찮아 보입니다.",
            " By the test at hand, up to {limit:n} messages a minute would do.",
            limit=limit,
        )
    return say(
        lang,
        " 지금 있는 시험 결과로는 분당 {lowest:n}건에서 {limit:n}건 사이만 괜찮아 보입니다.",
        " By the test at hand, {lowest:n} to {limit:n} messages a minute would do.",
        limit=limit,
        lowest=lowest,
    )


def plan(judged: Judgement, lang: Lang) -> str:
    """Say the verdict on a whole plan."""
    ahead = [one for one in judged.campaigns if one.state == "planned"]
    if judged.binding is not None and judged.binding.code == "in_the_past":
        return say(lang, "이대로는 보낼 수 없습니다. ", "Not like this. ") + reason(judged.binding, lang)
    if len(ahead) == 1:
        return campaign(ahead[0], lang)
    match judged.verdict:
        case "GO":
            return say(lang, "모두 계획대로 보내도 됩니다.", "Yes, send them all as planned.") + _last_ends(
                ahead, lang
            )
        case "GO_IF":
            return _all_if([one for one in ahead if one.verdict == "GO_IF"], lang) + _last_ends(ahead, lang)
        case "NO_GO":
            return _not_all([one for one in ahead if one.verdict == "NO_GO"], lang)
    why = "" if judged.binding is None else reason(judged.binding, lang)
    return say(lang, "아직 답할 수 없습니다. {why}", "Nobody can say yet. {why}", why=why)


def _all_if(changed: Sequence[CampaignJudgement], lang: Lang) -> str:
    listed = [
        say(
            lang,
            "‘{name}’ 분당 {limit:n}건",
            '"{name}" {limit:n} a minute',
            name=one.name,
            limit=one.advised_limit_per_min or 0,
        )
        for one in changed[:MOST_NAMED]
    ]
    more = len(changed) - MOST_NAMED
    if more > 0:
        listed.append(say(lang, "외 {more:n}개", "and {more:n} more", more=more))
    return say(
        lang,
        "발송 속도를 바꾸면 모두 보내도 됩니다: {listed}.",
        "Yes, send them all with these delivery speeds: {listed}.",
        listed=", ".join(listed),
    )


def _not_all(refused: Sequence[CampaignJudgement], lang: Lang) -> str:
    first = refused[0]
    day = None if first.starts_at is None else first.starts_at.date()
    why = "" if first.binding is None else reason(first.binding, lang, day)
    return say(
        lang,
        "이대로 모두 보내지는 마세요. {names} 캠페인이 안 됩니다. {why}",
        "No, not all of them like this: {names} cannot be sent. {why}",
        names=quoted([one.name for one in refused], lang),
        why=why,
    )


def _last_ends(ahead: Sequence[CampaignJudgement], lang: Lang) -> str:
    ends = [one.finishes_at.high for one in ahead if one.finishes_at and one.finishes_at.high is not None]
    starts = [one.starts_at for one in ahead if one.starts_at is not None]
    if not ends or not starts:
        return ""
    day = min(starts).date()
    return say(
        lang, " 늦어도 {end:t}에 모두 끝납니다.", " All have ended by {end:t}.", day=day, end=max(ends)
    )


def collision(met: Collision, lang: Lang) -> str:
    """Say who meets whom, when, and by how much too many."""
    return say(
        lang,
        "{begins}부터 {ends:t}까지 ‘{name}’ 캠페인이 {others} 캠페인과 겹칩니다. 1초에 최대 {peak:n}건을 호출해 {excess:n}건이 넘칩니다.",
        '"{name}" meets {others} from {begins} to {ends:t}: up to {peak:n} calls in a second, {excess:n} too many.',
        begins=clock(met.begins_at, None, lang),
        ends=met.ends_at,
        name=met.campaign,
        others=quoted(met.others, lang),
        peak=met.peak_rps,
        excess=ceil(met.excess_rps),
        day=met.begins_at.date(),
    )


def ways_out(met: Collision, lang: Lang) -> tuple[str, ...]:
    """Say each way out and what it costs; where there is none, say that."""
    said = []
    day = met.begins_at.date()
    if met.slow is not None:
        said.append(
            say(
                lang,
                "천천히: ‘{name}’ 캠페인의 발송 속도를 분당 {limit:n}건으로 낮추면 {end:t}에 끝납니다({later:n}분 늦게).{own}",
                'Slower: "{name}" at {limit:n} messages a minute ends at {end:t}, {later:n} minutes later.{own}',
                day=day,
                name=met.slow.campaign,
                limit=met.slow.limit_per_min,
                end=met.slow.finishes_at,
                later=met.slow.later_min,
                own=_with_own(met, met.slow.campaign, lang),
            )
        )
    if met.shift is not None:
        said.append(
            say(
                lang,
                "나중에: ‘{name}’ 캠페인을 {by:n}분 늦춰 {start:t}에 {speed}시작하면 {end:t}에 끝납니다{late}.{own}",
                'Later: "{name}" begun {by:n} minutes later, at {start:t}{speed}, ends at {end:t}{late}.{own}',
                day=day,
                name=met.shift.campaign,
                by=met.shift.by_min,
                start=met.shift.starts_at,
                end=met.shift.finishes_at,
                speed=_at_own(met, met.shift.campaign, lang),
                late=say(lang, "(바라는 시각은 넘깁니다)", " (past its own deadline)")
                if met.shift.in_time is False
                else "",
                own=_with_own(met, met.shift.campaign, lang),
            )
        )
    if not said and not met.measured:
        said.append(
            say(
                lang,
                "무엇으로 풀리는지는 부하 시험을 다시 해야 알 수 있습니다.",
                "What resolves it is known once the service is measured again.",
            )
        )
    elif not said:
        said.append(
            say(
                lang,
                "속도를 낮추거나 하루 안에서 늦추는 것으로는 풀리지 않습니다. 다른 날로 옮기세요.",
                "Neither a lower speed nor a later start within a day resolves it: choose another day.",
            )
        )
    return tuple(said)


def _at_own(met: Collision, name: str, lang: Lang) -> str:
    """The speed of the one that is moved, where it is not the planned one."""
    if name != met.campaign or met.limit_per_min in {None, met.planned_limit_per_min}:
        return ""
    return say(lang, "분당 {limit:n}건으로 ", " and at {limit:n} messages a minute", limit=met.limit_per_min)


def _with_own(met: Collision, name: str, lang: Lang) -> str:
    """The speed of the one that gives way beside a change of another, where it is not the planned one."""
    if name == met.campaign or met.limit_per_min in {None, met.planned_limit_per_min}:
        return ""
    return say(
        lang,
        " 이때 ‘{name}’ 캠페인은 분당 {limit:n}건으로 보냅니다.",
        ' "{name}" then goes at {limit:n} messages a minute.',
        name=met.campaign,
        limit=met.limit_per_min,
    )
