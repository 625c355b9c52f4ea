"""Every verdict, reason and way out as a sentence, in Korean and English, from a code and its numbers.

Numbers in templates carry their form: `n` a number with separators, `p` a share in percent, `t` a time of day (with its
date where that is another day than `day`), `d` minutes as a duration, `u` what may be used, rounded down: calls are
whole, so as many are never too many.
"""

from __future__ import annotations

from math import ceil, floor
from string import Formatter
from typing import TYPE_CHECKING, Any, Final

from app.capacity.formats import count, duration, percent, time_in_sentence
from app.capacity.planner.judgement import CampaignJudgement, Collision, Judgement
from app.capacity.planner.reasons import Reason, ReasonCode, TooManyCalls
from app.capacity.planner.wording.catalogue import BREAKS, SENTENCES, TABLES, WHAT
from app.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from app.capacity.formats import Lang
    from app.capacity.planner.judgement import Instants, ShiftedSend, SlowerSend

MOST_NAMED: Final = 3  # campaigns that a sentence names; the others are counted


class _SentenceFormatter(Formatter):
    """Formats templates; `day` is the day whose times need no date."""

    def __init__(self, lang: Lang, day: date | None) -> None:
        self._lang = lang
        self._day = day

    def format_field(self, value: Any, format_spec: str) -> Any:
        kind, _, words = format_spec.partition(" ")
        match kind:
            case "n" | "1" if words:
                return _agreeing(value, kind, words)
            case "n" | "u":
                return count(value if kind == "n" else floor(value))
            case "p":
                return percent(value)
            case "t":
                return time_in_sentence(value, self._day, self._lang)
            case "d":
                return duration(value, self._lang)
        return super().format_field(value, format_spec)


def _agreeing(value: float, kind: str, words: str) -> str:
    """Write `n hour` or `n member is|members are` as a count with its noun, and `1 it|them` as the word alone."""
    one, _, many = words.partition("|")
    word = one if value == 1 else many or f"{one}s"
    return f"{count(value)} {word}" if kind == "n" else word


def say(lang: Lang, korean: str, english: str, /, *, day: date | None = None, **numbers: object) -> str:
    """Fill in the template of a language."""
    return _SentenceFormatter(lang, day).vformat(korean if lang == "ko" else english, (), numbers)


def quoted(names: Sequence[str], lang: Lang) -> str:
    """List names of campaigns, the first few."""
    left = len(names) - MOST_NAMED
    listed = ", ".join(f"‘{name}’" if lang == "ko" else f'"{name}"' for name in names[:MOST_NAMED])
    if left <= 0:
        return listed
    return listed + (f" 외 {left}개" if lang == "ko" else f" and {left} more")


def sentence(told: Reason | CampaignJudgement | Collision | Judgement, lang: Lang) -> str:
    """Say a reason, the verdict on a campaign, a collision or the verdict on a whole plan."""
    match told:
        case Reason():
            return of_reason(told, lang)
        case CampaignJudgement():
            return of_campaign(told, lang)
        case Collision():
            return of_collision(told, lang)
        case Judgement():
            return of_plan(told, lang)


def of_reason(given: Reason, lang: Lang, day: date | None = None) -> str:
    """Say a reason; times on `day` go without their date."""
    if isinstance(given, TooManyCalls):
        return _too_many_calls(given, lang, day)
    korean, english = SENTENCES[given.code]
    return say(lang, korean, english, day=day, **_filled(given.numbers, lang)) + _held_up(given, lang)


def _held_up(given: Reason, lang: Lang) -> str:
    """Name the workspace's limit where that is what makes a campaign late."""
    limit = given.numbers.get("workspace_limit_per_min")
    if limit is None:
        return ""
    return say(
        lang,
        " 워크스페이스 한도(분당 {limit:n}건) 때문입니다.",
        " It is the workspace's limit of {limit:n} a minute that holds it up.",
        limit=limit,
    )


def _too_many_calls(given: TooManyCalls, lang: Lang, day: date | None) -> str:
    said = say(
        lang,
        "{speed} {at:t}에 1초 동안 최대 {peak_rps:n}건을 호출합니다. 쓸 수 있는 한도는 {less}초당 {usable_rps:u}건입니다.{with_}",
        "{speed}, up to {peak_rps:n call comes|calls come} in one second at {at:t}; {usable_rps:u} may be planned on{less}.{with_}",
        day=day,
        speed=_speed(given.limit_per_min, lang),
        at=given.at,
        peak_rps=given.peak_rps,
        usable_rps=given.usable_rps,
        less=_less(given.base_rps, lang),
        with_=_with(given.others, lang),
    )
    return said + BREAKS[given.code][lang == "en"]


def _less(base_rps: float, lang: Lang) -> str:
    """What other traffic takes at that hour."""
    if not base_rps:
        return ""
    return say(
        lang,
        "다른 트래픽 초당 {base:n}건을 빼고 ",
        ", less the {base:n} that other traffic takes at that hour",
        base=base_rps,
    )


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
    if "hourly_rps" in filled:
        low, high = filled["hourly_rps"]
        filled["base"] = (
            count(low)
            if low == high
            else f"{count(low)}~{count(high)}"
            if lang == "ko"
            else f"{count(low)} to {count(high)}"
        )
    if "at_hours" in filled:
        filled["at_hours"] = ", ".join(_hours(filled["at_hours"]))
    if "measure" in filled:
        filled["measure"] = ", ".join(map(count, filled["measure"]))
    return filled


def _hours(hours: Sequence[int]) -> list[str]:
    """Hours of the day as stretches: 09:00–12:00 for 9, 10 and 11."""
    firsts = [hour for hour in hours if hour - 1 not in hours]
    lasts = [hour for hour in hours if hour + 1 not in hours]
    return [f"{first:02}:00–{last + 1:02}:00" for first, last in zip(firsts, lasts, strict=True)]


def _word(words: Mapping[str, tuple[str, str]], name: str, lang: Lang) -> str:
    return words.get(name, (name, name))[lang == "en"]


def _speed(limit_per_min: int | None, lang: Lang) -> str:
    if limit_per_min is None:
        return "속도 제한 없이 보내면" if lang == "ko" else "Without a speed limit"
    return (
        f"분당 {count(limit_per_min)}건이면"
        if lang == "ko"
        else f"At {counted(limit_per_min, 'message')} a minute"
    )


def of_campaign(judged: CampaignJudgement, lang: Lang) -> str:
    """Say the verdict on one campaign: yes or no, the number to type, when it ends."""
    day = None if judged.starts_at is None else judged.starts_at.date()
    if judged.state != "planned" and judged.binding is not None:
        return of_reason(judged.binding, lang, day)
    return _verdict(judged, lang, day)


def _verdict(judged: CampaignJudgement, lang: Lang, day: date | None) -> str:
    why = "" if judged.binding is None else of_reason(judged.binding, lang, day)
    match judged.verdict:
        case "GO" if judged.binding is not None and judged.binding.code is ReasonCode.NOTHING_TO_SEND:
            return say(lang, "보내도 됩니다. {why}", "Yes. {why}", why=why)
        case "GO":
            return f"{_go(judged, lang)} {_ends(judged.finishes_at, lang, day)}".rstrip()
        case "GO_IF" if judged.binding is not None and judged.binding.code is ReasonCode.PUSHES_ASIDE:
            return f"{_go(judged, lang)} {why} {_ends(judged.finishes_at, lang, day)}".rstrip()
        case "GO_IF":
            return f"{_go_if(judged, lang)} {_ends(judged.finishes_at, lang, day)}".rstrip()
        case "NO_GO":
            no = say(lang, "이대로는 보내지 마세요. {why}", "No, not like this. {why}", why=why)
            return no + _if_later(judged, lang, day)
    return _not_yet(judged.binding, why, lang) + _so_far(judged, lang)


def _not_yet(binding: Reason | None, why: str, lang: Lang) -> str:
    """Say that nobody knows; where no load test was ever kept, its own sentence says so already."""
    if binding is not None and binding.code is ReasonCode.EVIDENCE_MISSING and lang == "ko":
        return why
    return say(lang, "아직 판단할 수 없습니다. {why}", "Nobody can say yet. {why}", why=why)


def _if_later(judged: CampaignJudgement, lang: Lang, day: date | None) -> str:
    """Where only the deadline refuses: say which one would do, or that none does."""
    if judged.none_later is not None:
        return " " + of_reason(judged.none_later, lang, day)
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
    return say(lang, "분당 {limit:n}건으로", "at {limit:n message} a minute", limit=limit_per_min)


def _go(judged: CampaignJudgement, lang: Lang) -> str:
    if judged.advised_limit_per_min is None:
        return say(
            lang, "보내도 됩니다. 속도 제한 없이 보내도 괜찮습니다.", "Yes, send it, without a speed limit."
        )
    return say(
        lang,
        "보내도 됩니다. 발송 속도는 계획한 분당 {limit:n}건 그대로 두세요.",
        "Yes, send it. Keep the delivery speed at {limit:n message} a minute.",
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
        f"보내도 됩니다. {once}발송 속도를 분당 {{limit:n}}건으로 설정하세요. {{ends}}",
        f"{opening} the delivery speed at {{limit:n}} messages a minute. {{ends}}",
        limit=judged.advised_limit_per_min or 0,
        ends=_both_ends(safe_range(judged), lang),
    ).rstrip()


def safe_range(judged: CampaignJudgement) -> tuple[int, int] | None:
    """Return the lowest and the highest offered limit around the advised one between which every one is safe.

    Without an advised limit it is the range that ends with the highest safe one; None where none is.
    """
    around = judged.advised_limit_per_min or judged.limit_per_min
    if around is None or not judged.safe_limits:
        return None
    refused = [one.limit_per_min for one in judged.rejected if one.limit_per_min is not None]
    below = max((limit for limit in refused if limit < around), default=0)
    above = min((limit for limit in refused if limit > around), default=judged.safe_limits[-1] + 1)
    safe = [limit for limit in judged.safe_limits if below < limit < above]
    return (safe[0], safe[-1]) if safe else None


def _both_ends(ends: tuple[int, int] | None, lang: Lang) -> str:
    if ends is None:
        return ""
    if ends[0] == ends[1]:
        return say(lang, "안전한 속도는 이것뿐입니다.", "No other speed on offer is safe.")
    return say(
        lang,
        "분당 {low:n}건에서 {high:n}건 사이가 안전합니다.",
        "{low:n} to {high:n} messages a minute are safe.",
        low=ends[0],
        high=ends[1],
    )


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
    shown = judged.binding is not None and judged.binding.code is ReasonCode.EVIDENCE_LOWER_BOUND
    if not shown or judged.advised_limit_per_min is None:
        return ""
    ends = safe_range(judged)
    lowest, highest = ends or (judged.advised_limit_per_min, judged.advised_limit_per_min)
    if lowest == highest:
        return say(
            lang,
            " 지금 있는 테스트 결과로는 분당 {limit:n}건만 괜찮아 보입니다.",
            " By the test at hand, only {limit:n message} a minute would do.",
            limit=highest,
        )
    return say(
        lang,
        " 지금 있는 테스트 결과로는 분당 {lowest:n}건에서 {highest:n}건 사이만 괜찮아 보입니다.",
        " By the test at hand, {lowest:n} to {highest:n} messages a minute would do.",
        lowest=lowest,
        highest=highest,
    )


def of_plan(judged: Judgement, lang: Lang) -> str:
    """Say the verdict on a whole plan."""
    ahead = [one for one in judged.campaigns if one.state == "planned"]
    if judged.binding is not None and judged.binding.code is ReasonCode.IN_THE_PAST:
        return say(lang, "이대로는 보낼 수 없습니다. ", "Not like this. ") + of_reason(judged.binding, lang)
    if len(ahead) == 1:
        return of_campaign(ahead[0], lang)
    match judged.verdict:
        case "GO":
            return say(lang, "모두 계획대로 보내도 됩니다.", "Yes, send them all as planned.") + _last_ends(
                ahead, lang
            )
        case "GO_IF":
            return _all_if([one for one in ahead if one.verdict == "GO_IF"], lang) + _last_ends(ahead, lang)
        case "NO_GO":
            return _not_all([one for one in ahead if one.verdict == "NO_GO"], lang)
    why = "" if judged.binding is None else of_reason(judged.binding, lang)
    return _not_yet(judged.binding, why, lang)


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
    why = "" if first.binding is None else of_reason(first.binding, lang, day)
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


def of_collision(met: Collision, lang: Lang) -> str:
    """Say who meets whom, when, and by how much too many."""
    return say(
        lang,
        "{begins}부터 {ends:t}까지 ‘{name}’ 캠페인이 {others} 캠페인과 겹칩니다. 1초에 최대 {peak:n}건을 호출해 한도를 {excess:n}건 초과합니다.",
        '"{name}" meets {others} from {begins} to {ends:t}: up to {peak:n call} in a second, {excess:n} too many.',
        begins=time_in_sentence(met.begins_at, None, lang),
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
    if met.slow is not None:
        said.append(_slower(met, met.slow, lang))
    if met.shift is not None:
        said.append(_later(met, met.shift, lang))
    return tuple(said) or (_no_way_out(met, lang),)


def _slower(met: Collision, slow: SlowerSend, lang: Lang) -> str:
    return say(
        lang,
        "천천히: ‘{name}’ 캠페인의 발송 속도를 분당 {limit:n}건으로 낮추면 {end:t}에 끝납니다({later:d} 늦게).{own}",
        'Slower: "{name}" at {limit:n message} a minute ends at {end:t}, {later:d} later.{own}',
        day=met.begins_at.date(),
        name=slow.campaign,
        limit=slow.limit_per_min,
        end=slow.finishes_at,
        later=slow.later_min,
        own=_with_own(met, slow.campaign, lang),
    )


def _later(met: Collision, shift: ShiftedSend, lang: Lang) -> str:
    late = say(lang, "(희망 종료 시각은 넘깁니다)", " (past its own deadline)")
    return say(
        lang,
        "나중에: ‘{name}’ 캠페인을 {by:d} 늦춰 {start:t}에 {speed}시작하면 {end:t}에 끝납니다{late}.{own}",
        'Later: "{name}" begun {by:d} later, at {start:t}{speed}, ends at {end:t}{late}.{own}',
        day=met.begins_at.date(),
        name=shift.campaign,
        by=shift.by_min,
        start=shift.starts_at,
        end=shift.finishes_at,
        speed=_at_own(met, shift.campaign, lang),
        late=late if shift.in_time is False else "",
        own=_with_own(met, shift.campaign, lang),
    )


def _no_way_out(met: Collision, lang: Lang) -> str:
    if not met.measured:
        return say(
            lang,
            "어떻게 하면 되는지는 부하 테스트를 다시 해야 알 수 있습니다.",
            "What resolves it is known once the service is measured again.",
        )
    return say(
        lang,
        "속도를 낮추거나 하루 안에서 늦춰도 겹칩니다. 다른 날로 옮기세요.",
        "Neither a lower speed nor a later start within a day resolves it: choose another day.",
    )


def _at_own(met: Collision, name: str, lang: Lang) -> str:
    """The speed of the one that is moved, where it is not the planned one."""
    if name != met.campaign or met.limit_per_min in {None, met.planned_limit_per_min}:
        return ""
    return say(lang, "분당 {limit:n}건으로 ", " and at {limit:n message} a minute", limit=met.limit_per_min)


def _with_own(met: Collision, name: str, lang: Lang) -> str:
    """The speed of the one that gives way beside a change of another, where it is not the planned one."""
    if name == met.campaign or met.limit_per_min in {None, met.planned_limit_per_min}:
        return ""
    return say(
        lang,
        " 이때 ‘{name}’ 캠페인은 분당 {limit:n}건으로 보냅니다.",
        ' "{name}" then goes at {limit:n message} a minute.',
        name=met.campaign,
        limit=met.limit_per_min,
    )
