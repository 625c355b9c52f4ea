"""What is wrong with a campaign in Braze, in Korean and English: its template, and what its calendar has otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.capacity.planner.reasons import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Mapping

IN_BRAZE: Final[Mapping[ReasonCode, tuple[str, str]]] = {
    ReasonCode.TEMPLATE_NO_CALL: (
        "‘{name}’ 템플릿({message})에 {host} 호출이 없습니다. 이대로면 메일에 추천 공고가 하나도 나오지 않습니다.",
        'The template of "{name}" ({message}) does not call {host}: the mail shows none of our postings.',
    ),
    ReasonCode.TEMPLATE_UNSEEN: (
        "‘{name}’ 템플릿({message})에 {host} 호출이 보이지 않습니다. 콘텐츠 블록 안이나 변수로 만든 주소에 있다면 직접 확인하세요.",
        'No call to {host} is seen in the template of "{name}" ({message}): if it is in a content block, or its address is put together, look there yourself.',
    ),
    ReasonCode.TEMPLATE_NO_MEMBER: (
        "‘{name}’ 템플릿({message})의 {part} 파트에서 호출 주소의 경로에 회원 ID가 없습니다. `{{{{${{user_id}}}}}}`를 넣으세요. 없으면 다른 회원의 공고가 나갈 수 있습니다.",
        "The call in {part} of \"{name}\" ({message}) has no member's id in the path of its URL: write `{{{{${{user_id}}}}}}` there, else members may see each other's postings.",
    ),
    ReasonCode.TEMPLATE_NO_SEND: (
        "‘{name}’ 템플릿({message})의 {part} 파트에서 호출 주소에 `send`가 없습니다. `send={{{{campaign.${{dispatch_id}}}}}}`를 추가하세요.",
        'The call in {part} of "{name}" ({message}) gives no send: add `send={{{{campaign.${{dispatch_id}}}}}}` to its URL.',
    ),
    ReasonCode.TEMPLATE_URLS_DIFFER: (
        "‘{name}’ 템플릿({message})의 호출 주소가 서로 다릅니다. 모든 파트에 같은 주소를 쓰세요. 다르면 파트마다 다른 공고가 나올 수 있습니다.",
        'The calls of "{name}" ({message}) have different URLs: give the same one in every part, or the parts may show different postings.',
    ),
    ReasonCode.TEMPLATE_RETRY_ABORTS: (
        "‘{name}’ 템플릿({message})이 :retry와 `abort_message`를 함께 씁니다. 호출이 실패했을 때 발송을 취소하면 재시도하지 않습니다. 성공한 응답에서만 취소하거나 하나만 쓰세요.",
        'The template of "{name}" ({message}) asks for :retry and aborts: an abort after a failed call prevents the retries, so abort only under `if jobs.__http_status_code__ == 200 and ...`, or do one of the two.',
    ),
    ReasonCode.TEMPLATE_EXTRAS_ELSEWHERE: (
        "‘{name}’ 템플릿({message})의 {part} 파트에 `message_extras`가 있습니다. HTML 본문에만 두세요.",
        '`message_extras` stands in {part} of "{name}" ({message}): put it into the HTML body alone.',
    ),
    ReasonCode.TEMPLATE_EXTRAS_COUNT: (
        "‘{name}’ 템플릿({message})의 HTML 본문에 `message_extras`가 {times:n}번 있습니다. 한 번만 있어야 합니다.",
        '`message_extras` stands {times:n time} in the HTML body of "{name}" ({message}): it is needed once there.',
    ),
    ReasonCode.TEMPLATE_UNREAD: (
        "‘{name}’ 템플릿을 Braze에서 읽지 못해 확인하지 못했습니다.",
        'The template of "{name}" could not be read from Braze, and was not looked at.',
    ),
    ReasonCode.BRAZE_GONE: (
        "‘{name}’ 캠페인이 Braze 예약 목록에서 사라졌습니다. 보내지 않는다면 여기서도 삭제하세요.",
        'Braze no longer has "{name}" scheduled: if it is not sent, remove it here, too.',
    ),
    ReasonCode.BRAZE_OTHER_TIME: (
        "‘{name}’ 발송 시각이 다릅니다(Braze {there}, 여기 {here}). 하나로 맞추세요.",
        'Braze sends "{name}" at {there}, and {here} is on record: make them agree.',
    ),
    ReasonCode.BRAZE_OTHER_KEY: (
        "‘{name}’ 템플릿의 캠페인 이름이 다릅니다(템플릿 campaign={there}, 여기 {here}). 이대로면 실제 호출이 이 캠페인에 집계되지 않습니다.",
        'The template of "{name}" calls with campaign={there}, and {here} is on record: its calls would not be counted for it.',
    ),
}
