"""What an experiment says, in Korean and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from app.feedback.results.experiment import Conclusion
from app.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.feedback.results.experiment import ArmComparison, ExperimentResult
    from app.feedback.statistics.intervals import Difference

    Lang = Literal["ko", "en"]

CROSSED_MATTERS: Final = 0.01
_A_DECIMAL_BELOW: Final = 0.0995
_CONCLUSIONS: Final[Mapping[Conclusion, tuple[str, str]]] = {
    Conclusion.TOO_FEW: (
        "{arm}안은 아직 말할 수 없습니다: 지원한 회원이 너무 적습니다.",
        "Nothing can be said of {arm} yet: too few members applied.",
    ),
    Conclusion.NO_DIFFERENCE: (
        "{arm}안과 {control}안에 차이가 있다고 말할 수 없습니다 (지원한 회원, {interval}).",
        "No difference between {arm} and {control} can be told (members who applied, {interval}).",
    ),
    Conclusion.BETTER: (
        "{arm}안에서 지원한 회원이 {much} 많았습니다 ({interval}). 이제 {arm}안으로 정해도 됩니다.",
        "{much} applied with {arm} ({interval}). You may settle on {arm} now.",
    ),
    Conclusion.WORSE: (
        "{arm}안에서 지원한 회원이 {much} 적었습니다 ({interval}). {control}안을 그대로 쓰세요.",
        "{much} applied with {arm} ({interval}). Stay with {control}.",
    ),
    Conclusion.HARMFUL: (
        "{arm}안에서 {harm} 늘었습니다. 지원이 늘었더라도 {arm}안으로 정하지 마세요.",
        "{harm} went up with {arm}. Do not settle on {arm}, whatever the applications.",
    ),
}
_WAIT: Final = (
    ("{arm}안은 아직 말할 수 없습니다: 하루 더.", "Nothing can be said of {arm} yet: one more day."),
    (
        "{arm}안은 아직 말할 수 없습니다: 약 {days}일 더.",
        "Nothing can be said of {arm} yet: about {days} more days.",
    ),
    (
        "{arm}안은 아직 말할 수 없습니다: 계획한 종료까지 기다리세요.",
        "Nothing can be said of {arm} yet: wait for the planned end.",
    ),
    ("{arm}안은 아직 말할 수 없습니다.", "Nothing can be said of {arm} yet."),
)
_HARM: Final[Mapping[str, tuple[str, str]]] = {
    "unsubscribe": ("수신 거부가", "Unsubscriptions"),
    "spam": ("스팸 신고가", "Spam marks"),
}


def sentences(result: ExperimentResult, lang: Lang) -> list[str]:
    """Say what may be concluded, an arm a sentence, and then what keeps the reader from trusting it."""
    counts = result.counts
    if not any(arm.members for arm in counts.arms):
        return [_in(lang, "아직 아무에게도 나가지 않았습니다.", "Nobody has been mailed yet.")]
    if result.withheld:
        return [
            _in(
                lang,
                "이 결과는 읽지 마세요: 회원이 정한 비율대로 나뉘지 않았습니다. 어느 안의 메일이 더 자주 빠졌는지 먼저 찾아야 합니다.",
                "Do not read this result: members are not split as planned. Find out first which arm's mails are missing.",
            )
        ]
    said = [of_arm(one, counts.arms[0].arm, result, lang) for one in result.comparisons]
    members = sum(arm.members for arm in counts.arms)
    if any(one.contradicted for one in result.comparisons):
        said.append(
            _in(
                lang,
                "주의: 메일에 귀속된 지원과 사이트 전체의 지원이 서로 반대로 움직였습니다. 결정하기 전에 함께 보세요.",
                "Caution: applications credited to the mail and all applications on the board went opposite ways. Look at both before you decide.",
            )
        )
    if counts.crossed > CROSSED_MATTERS * members:
        said.append(
            _in(
                lang,
                f"주의: 회원 {counts.crossed:,}명이 두 안의 메일을 모두 받았습니다. 처음 받은 안으로 셌습니다.",
                f"Caution: {counted(counts.crossed, 'member got mails of two arms and counts', 'members got mails of two arms and count')} for the first.",
            )
        )
    return said


def of_arm(one: ArmComparison, control: str, result: ExperimentResult, lang: Lang) -> str:
    """Say what may be concluded of an arm."""
    if one.conclusion is Conclusion.NOT_YET:
        planned = result.counts.planned_end is not None
        place = (0 if one.more_days == 1 else 1) if one.more_days else (2 if planned else 3)
        return _in(lang, *_WAIT[place]).format(arm=one.arm, days=one.more_days)
    harmed = [
        _in(lang, *_HARM[kind]) for kind, guard in one.guards.items() if guard and guard.absolute.low > 0
    ]
    much, interval = ("", "") if one.decisive is None else _told(one.decisive, lang)
    return _in(lang, *_CONCLUSIONS[one.conclusion]).format(
        arm=one.arm, control=control, much=much, interval=interval, harm=(harmed or [""])[0]
    )


def _told(difference: Difference, lang: Lang) -> tuple[str, str]:
    """How much, and the interval: as shares of the control, or of 1,000 members where the control is nothing to be a share of."""
    shown = difference.relative or difference.absolute
    factor, unit = (100, "%") if difference.relative else (1000, _in(lang, "명", ""))
    value, low, high = (factor * number for number in (shown.value, shown.low, shown.high))
    more = _in(lang, "", " more" if value > 0 else " fewer")
    much = f"{_number(abs(value))}{unit}"
    if difference.relative:
        much += _in(lang, "", f"{more} members")
    else:
        much = _in(lang, f"1,000명당 {much}", f"{much}{more} of 1,000 members")
    if high < 0:
        low, high = -high, -low
    write = _number if low > 0 else signed
    to = _in(lang, "~", " to ")
    level = f"{100 * (1 - difference.alpha):.3g}% {_in(lang, '신뢰구간', 'interval')}"
    return much, f"{level} {write(low)}{to}{write(high)}{unit}"


def _number(value: float) -> str:
    if abs(value) >= 100 * _A_DECIMAL_BELOW:
        return f"{value:,.0f}"
    return f"{value:z.1f}".removesuffix(".0")  # z: what rounds to nothing has no sign


def signed(value: float) -> str:
    """A number with its sign; zero has no sign."""
    number = _number(value)
    return f"+{number}" if value > 0 and number != "0" else number


def _in(lang: Lang, korean: str, english: str) -> str:
    return korean if lang == "ko" else english
