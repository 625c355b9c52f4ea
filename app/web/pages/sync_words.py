"""Why a row was refused or a run stopped, in Korean: sentences are kept in English, as commands write them, and told again here.

What is not known here stays English: a destination's own words, and what a person seldom meets.
"""

from __future__ import annotations

import re
from typing import Final

_NAME = r"(?P<name>[^:]+): "
_WORDS: Final = [
    (re.compile(pattern), told)
    for pattern, told in (
        (r"The member's id is empty\.", "회원 ID가 비어 있습니다."),
        (
            r"The member's id has blanks around it, or a character that cannot be printed: (?P<who>\w+) would .*",
            "회원 ID 앞뒤에 공백이 있거나 보이지 않는 문자가 있습니다. {who}가 다른 회원으로 인식합니다.",
        ),
        (
            r"The member's id has more than (?P<most>[\d,]+) (?P<unit>bytes|characters)\.",
            "회원 ID가 너무 깁니다(최대 {most}{unit}).",
        ),
        (
            r"The member's id '(?P<id>.*)' is one that Amplitude takes for nobody's\.",
            "Amplitude가 받지 않는 회원 ID입니다: {id}",
        ),
        (
            r"The member's id '(?P<id>.*)' has (?P<has>\d+) characters, and min_id_length is (?P<least>\d+)\.",
            "회원 ID가 너무 짧습니다: {id} ({has}자, 최소 {least}자).",
        ),
        (
            _NAME
            + r"a text of (?P<has>[\d,]+) characters(?: within it)?, (?:and|which) (?P<who>\w+|a catalog) "
            r"(?:takes|would cut to) (?P<most>[\d,]+)\.",
            "{name}: 글자 수가 {has}자로, 한도인 {most}자를 넘습니다.",
        ),
        (
            _NAME + r"an array of (?P<has>\d+) elements, of which Braze would keep (?P<most>\d+)\.",
            "{name}: 배열 항목이 {has}개로, Braze 한도인 {most}개를 넘습니다.",
        ),
        (_NAME + r"an array with an element twice, .*", "{name}: 배열에 같은 항목이 두 번 있습니다."),
        (_NAME + r"an array in an array, .*", "{name}: 배열 안에 배열이 있어 Braze가 받지 않습니다."),
        (_NAME + r"a null within it(?:\.|, .*)", "{name}: 안에 빈 값(null)이 있습니다."),
        (
            _NAME + r"the nested key (?P<key>.+): (?P<who>\w+) takes .*",
            "{name}: {who}에서 받지 않는 하위 키 이름입니다({key}).",
        ),
        (
            _NAME + r"NaN and infinity are no numbers of JSON: give NULL instead\.",
            "{name}: 숫자가 아닌 값(NaN 또는 무한대)입니다. NULL로 바꿔 주세요.",
        ),
        (
            _NAME + r"(?P<value>.+) is no date from year 1 to 2999: give NULL instead\.",
            "{name}: 날짜가 올바르지 않습니다({value}). NULL로 바꿔 주세요.",
        ),
        (
            _NAME + r"(?P<value>.+) has more digits than a JSON number keeps: .*",
            "{name}: 숫자 자릿수가 너무 많습니다({value}). 반올림하거나 텍스트로 바꿔 주세요.",
        ),
        (
            r"It happened more than (?P<hours>[\d.]+) hours ago(?:.*), and (?P<who>\w+) takes none that old\.",
            "발생한 지 {hours}시간이 지나 {who}가 받지 않습니다.",
        ),
        (
            r"(?P<name>\S+) is no instant: an event needs its time, as timestamptz\.",
            "{name}: 이벤트 시각이 없거나 올바르지 않습니다.",
        ),
        (r"(?P<name>\S+) is empty: by it an event is sent once\.", "{name}: 이벤트 키가 비어 있습니다."),
        (r"(?P<name>\S+) is no text: an event needs its member's id\.", "{name}: 회원 ID가 없습니다."),
        (
            r"It has no address of the member: without one Airbridge .*",
            "회원의 IP 주소가 없습니다. 없으면 Airbridge에 이 서버의 주소가 기록됩니다.",
        ),
        (
            r"The member's address is none of .*",
            "회원의 IP 주소가 올바르지 않습니다. 프록시 주소일 수 있습니다.",
        ),
        (r"Whether it was taken is not known, and .*", "반영 여부를 알 수 없어 다시 보내지 않았습니다."),
        (r"(?P<who>\w+) refuses it: (?P<why>.+)", "{who}가 거부했습니다: {why}"),
        (
            r"(?P<who>\w+) does not know the key: see (?P<key>\w+), and whether .*",
            "{who}가 키를 인식하지 못합니다. {key} 값과 그 키가 속한 호스트를 확인해 주세요.",
        ),
        (
            r"(?P<who>\w+) knows the key, which lacks the permission .*",
            "키에 이 작업을 할 권한이 없습니다. {who} 대시보드에서 권한을 추가해 주세요.",
        ),
        (
            r"(?P<who>\w+) does not know this address: .*",
            "{who}에 없는 주소입니다. 동기화 파일의 호스트와 이름을 확인해 주세요.",
        ),
        (
            r"(?P<who>\w+) answers (?P<status>\d+), which its documents do not name: .*",
            "{who}가 문서에 없는 응답({status})을 보냈습니다. 호스트가 맞는지 확인해 주세요.",
        ),
        (
            r"What answers (?P<status>\d+) in place of (?P<who>\w+) is a page: .*",
            "{who} 대신 다른 서버가 웹 페이지({status})를 보냈습니다. 호스트와 프록시를 확인해 주세요.",
        ),
        (
            r"(?P<who>\w+) (?:does not answer \((?P<how>.+)\)|answers (?P<status>\d+)), (?P<times>\d+) times\. Run it again: .*",
            "{who}가 {times}번 시도하는 동안 응답하지 않았습니다({how}{status}). 다시 실행하면 반영된 곳부터 이어서 보냅니다.",
        ),
        (
            r"(?P<who>\w+) has answered 429 to one request (?P<times>\d+) times in turn\.",
            "{who}가 같은 요청에 연속 {times}번 요청 한도 초과(429)로 답했습니다.",
        ),
        (
            r"(?P<who>\w+) has left (?P<times>\d+) requests in turn without an answer .*",
            "{who}가 연속 {times}번 요청에 믿을 수 있는 응답을 주지 않았습니다. 나중에 다시 실행해 주세요.",
        ),
        (r"It was paused by (?P<by>.+)\.", "{by} 님이 일시 중지했습니다."),
        (r"The run was stopped\.", "실행을 중단했습니다."),
    )
]
_UNITS: Final = {
    "bytes": "바이트", "characters": "자", "its name is not known": "호스트 이름을 찾을 수 없음", "no connection": "연결 안 됨", "no connection in time": "연결 시간 초과", "nothing came in time": "응답 시간 초과",
    "no TLS with it": "TLS 연결 안 됨", "the connection was cut": "연결 끊김", "its answer cannot be unpacked": "응답 압축을 풀 수 없음",
}  # fmt: skip
_ALL_REFUSED: Final = re.compile(r"Each of the last (?P<count>\d+) objects was refused\. (?P<why>.+)")


def in_korean(sentence: str) -> str | None:
    """A sentence of a sync in Korean; None if no translation is known."""
    if (found := _ALL_REFUSED.fullmatch(sentence)) is not None:
        why = in_korean(found["why"]) or found["why"]
        return f"마지막 {found['count']}건이 모두 거부되어 멈췄습니다. {why}"
    for pattern, told in _WORDS:
        if (found := pattern.fullmatch(sentence)) is not None:
            given = {name: _UNITS.get(word, word) for name, word in found.groupdict("").items()}
            return told.format(**given)
    return None
