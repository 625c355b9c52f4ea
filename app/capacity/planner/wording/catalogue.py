"""What the planner says, in Korean and English, as templates by code.

For marketers: no word of ours that Braze or a mail does not have. Numbers in templates carry their form, as
`app.capacity.planner.wording.sentences` reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.capacity.planner.reasons import ReasonCode
from app.capacity.planner.wording.in_braze import IN_BRAZE

if TYPE_CHECKING:
    from collections.abc import Mapping


SENTENCES: Final[Mapping[ReasonCode, tuple[str, str]]] = {
    ReasonCode.FINISH_BY: (
        "{speed} {finishes_at:t}에 끝나, 희망 종료 시각({finish_by:t})을 넘깁니다.",
        "{speed}, it ends at {finishes_at:t}, later than the {finish_by:t} you want.",
    ),
    ReasonCode.ABORT_72H: (
        "{speed} {aborted:n}건이 {hours:n}시간 안에 나가지 못해 Braze가 취소합니다.",
        "{speed}, {aborted:n message waits|messages wait} for {hours:n hour} and Braze aborts {aborted:1 it|them}.",
    ),
    ReasonCode.NOT_TRIED: (
        "{speed} 어떨지는, 캠페인이 너무 많아 따져 보지 못했습니다.",
        "{speed}: not worked out, as too many campaigns share one limit.",
    ),
    ReasonCode.END_OF_LIST: (
        "Braze에서 고를 수 있는 가장 빠른 속도라도 괜찮습니다.",
        "Even the fastest speed that Braze offers will do.",
    ),
    ReasonCode.NOTHING_TO_SEND: ("발송 대상이 없습니다.", "There is nobody to send to."),
    ReasonCode.IN_THE_PAST: (
        "시작 시각이 지났습니다. 아직 보내지 않았다면 새 시각을 정한 뒤 다시 확인하세요.",
        "The start has passed. If it has not been sent, choose a new time and check again.",
    ),
    ReasonCode.ALL_SKIPPED: (
        "시작할 때 모든 회원의 시간이 이미 지나, 아무에게도 나가지 않습니다.",
        "Every member's time has passed at launch: it would go to nobody.",
    ),
    ReasonCode.MAKES_LATE: (
        "{speed} {names} 캠페인이 제때 나가지 못합니다.",
        "{speed}, it keeps {names} from being sent in time.",
    ),
    ReasonCode.PUSHES_ASIDE: (
        "단, 먼저 등록된 {names} 캠페인이 비켜 주어야 합니다.",
        "But {names}, on record before it, has to give way.",
    ),
    ReasonCode.NONE_LATER: (
        "종료 시각을 늦춰도 소용없습니다. 서비스가 처리할 수 있는 속도로는 {hours:n}시간 안에 모두 나가지 못해 Braze가 나머지를 취소합니다.",
        "Waiting does not help: at what the service carries, not all are sent within {hours:n hour}, and Braze aborts the rest.",
    ),
    ReasonCode.EVIDENCE_MISSING: (
        "아직 부하 테스트 결과가 없어 판단할 수 없습니다.",
        "No load test has measured yet what the service sustains.",
    ),
    ReasonCode.EVIDENCE_AHEAD: (
        "부하 테스트 날짜가 미래로 되어 있어 쓸 수 없습니다. 시계를 맞추고 다시 테스트해야 합니다.",
        "The load test is dated ahead of now, and so not to be used: set the clock and measure again.",
    ),
    ReasonCode.EVIDENCE_UNCONFIRMED: (
        "부하 테스트가 끝까지 가지 못해, 그 처리량이 유지되는지 확인되지 않았습니다.",
        "The load test did not get to the part that confirms its result.",
    ),
    ReasonCode.EVIDENCE_FALLING: (
        "부하 테스트를 하는 동안 서비스가 점점 느려져, 계속 처리할 수 있는 양을 알 수 없습니다. 서비스를 점검한 뒤 다시 테스트해야 합니다.",
        "The service became slower while it was tested, so nobody knows what it sustains: look for what grows, and measure again.",
    ),
    ReasonCode.EVIDENCE_SHORT: (
        "부하 테스트의 확인 구간이 호출 {soak_calls:n}건뿐이라 믿기 어렵습니다(최소 {fewest:n}건). 더 길게 테스트해야 합니다.",
        "The load test confirmed its result with {soak_calls:n call}, and {fewest:n} are needed at least: measure for longer.",
    ),
    ReasonCode.EVIDENCE_NONE: (
        "부하 테스트에서 기준을 지킨 처리량이 없었습니다.",
        "The load test found no rate that the service sustains.",
    ),
    ReasonCode.EVIDENCE_LOWER_BOUND: (
        "부하 테스트가 서비스의 최대 처리량까지 올라가지 않아, 이만큼 처리하는지 알 수 없습니다.",
        "The load test never reached the service's limit, so nobody knows whether it carries this.",
    ),
    ReasonCode.EVIDENCE_OLD: (
        "부하 테스트가 {age_days:n}일 전 것이라 너무 오래되었습니다(최대 {max_age_days:n}일).",
        "The load test is {age_days:n day} old, more than the {max_age_days:n} allowed.",
    ),
    ReasonCode.EVIDENCE_FINGERPRINT: (
        "부하 테스트 뒤에 서비스의 프로그램이나 설정이 바뀌었습니다.",
        "The service's program or settings have changed since the load test.",
    ),
    ReasonCode.EVIDENCE_TABLES: (
        "부하 테스트 뒤에 데이터 크기가 20% 넘게 달라졌습니다({table}: {measured:n}건에서 {running:n}건).",
        "The data has changed in size by more than 20% since the load test ({table}: {measured:n} then, {running:n} now).",
    ),
    ReasonCode.EVIDENCE_INSTANCES: (
        "부하 테스트는 서버 {measured:n}대로 했는데 지금은 {running:n}대가 운영 중입니다.",
        "The load test had {measured:n server}, and {running:n runs|run} now.",
    ),
    ReasonCode.EVIDENCE_UNTOLD: (
        "부하 테스트 대상({what})이 기록되어 있지 않아, 지금 서비스와 같은지 알 수 없습니다.",
        "The load test does not say what it measured ({what}), so nobody knows whether it was what runs now.",
    ),
    ReasonCode.EVIDENCE_HOST: (
        "이 캠페인은 다른 서비스({host})를 호출해, 그 서비스가 얼마나 감당하는지 여기서는 알 수 없습니다.",
        "It calls another service ({host}), and what that one sustains is not known here.",
    ),
    ReasonCode.INSTANCES_NO_EVIDENCE: (
        "부하 테스트 결과가 없어 서버가 몇 대 필요한지 알 수 없습니다.",
        "Without a load test nobody can say how many servers it needs.",
    ),
    ReasonCode.INSTANCES_ENOUGH: ("지금 서버로 충분합니다.", "What was measured is enough."),
    ReasonCode.INSTANCES_TOO_FEW_SIZES: (
        "서버를 늘리면 처리량이 얼마나 느는지는 서버 수를 {fewest:n}가지로 바꿔 테스트해야 알 수 있습니다. {measure}대로도 테스트해 보세요.",
        "What more servers add is known from {fewest:n} different numbers of them: measure with {measure}, too.",
    ),
    ReasonCode.INSTANCES_UNMEASURED: (
        "이 발송은 서버 {wanted:n}대로 한다고 적혀 있는데, 부하 테스트는 {measured:n}대로 했습니다. {wanted:n}대로도 테스트해 보세요.",
        "This send counts on {wanted:n server}, and the load test had {measured:n}: measure with {wanted:n}, too.",
    ),
    ReasonCode.INSTANCES_BEYOND_MEASURED: (
        "테스트한 {largest:n}대의 두 배인 {furthest:n}대로도 모자랍니다. 더 많은 서버로 테스트해 보세요.",
        "Not even {furthest:n server does|servers do}, twice the {largest:n} that were measured: measure with more.",
    ),
    ReasonCode.INSTANCES_NOT_SURE: (
        "서버 {probable:n}대면 될 수도 있지만 확실하지 않습니다(가능성 반반). {probable:n}대로 부하 테스트를 해 보세요.",
        "As likely as not {probable:n server does|servers do}, and no number surely does: measure with {probable:n}.",
    ),
    ReasonCode.BRAZE_WAIT: (
        "아직 발송을 예약하지 마세요.",
        "Do not schedule it yet.",
    ),
    ReasonCode.BRAZE_NO_LIMIT: (
        "발송 속도 제한(Delivery Speed Limit)은 꺼 둬도 됩니다.",
        "The delivery speed limit may stay off.",
    ),
    ReasonCode.BRAZE_LIMIT: (
        "발송 속도 제한(Delivery Speed Limit)에 분당 {limit_per_min:n}건을 입력하세요.",
        "Delivery speed limit: {limit_per_min:n message} a minute.",
    ),
    ReasonCode.BRAZE_RETRY: (
        "템플릿에 `:retry`가 있습니다. 호출이 실패한 메일은 Braze가 나중에 다시 보냅니다.",
        "The template has `:retry`: Braze tries a mail again whose call failed.",
    ),
    ReasonCode.BRAZE_ABORT: (
        "템플릿이 호출에 실패하면 그 메일을 보내지 않습니다(abort_message).",
        "The template aborts a mail whose call failed (abort_message).",
    ),
    ReasonCode.BRAZE_BLANK: (
        "템플릿에 `:retry`도 abort도 없습니다. 호출이 실패하면 공고 없는 메일이 나갑니다.",
        "The template has neither `:retry` nor an abort: a mail whose call failed goes out without postings.",
    ),
    ReasonCode.NIGHT: (
        "야간({begin}~{end})에도 최대 {messages:n}건이 나갑니다. 21시부터 8시까지의 광고성 푸시와 문자는 따로 동의를 받아야 하고, 이메일은 예외입니다(정보통신망법 제50조 제3항, 시행령 제61조 제2항).",
        "Up to {messages:n message goes|messages go} out at night ({begin} to {end}). From 21:00 to 8:00 Korean law asks for a consent of its own to advertising push and SMS, and exempts e-mail (Network Act, article 50 (3); its Decree, article 61 (2)).",
    ),
    ReasonCode.NEXT_DAY: (
        "발송이 다음 날까지 이어져 {finishes_at:t}에 끝납니다.",
        "It runs into the next day and ends at {finishes_at:t}.",
    ),
    ReasonCode.NOTE_BEGUN: (
        "이미 시작한 발송은 속도를 바꾸기 어렵습니다: {names}.",
        "Begun already, and so not to be changed easily: {names}.",
    ),
    ReasonCode.NOTE_BREAKER: (
        "계획대로 보내면 1분에 {failures_per_min:n}건까지 실패해, Braze가 이 서비스 호출을 1분씩 {halts:n}번 멈춥니다.",
        "As planned, up to {failures_per_min:n call fails|calls fail} in a minute, and Braze stops calling the service {halts:n time} for a minute.",
    ),
    ReasonCode.NOTE_SKIPPED: (
        "‘{name}’: 시작할 때 이미 시간이 지난 {skipped:n}명은 건너뜁니다.",
        '"{name}": {skipped:n member is|members are} skipped, {skipped:1 its|their} time having passed at launch.',
    ),
    ReasonCode.NOTE_UNCHECKED: (
        "지금 운영 중인 서비스와 비교하지 못했습니다({what}). 부하 테스트 날짜만 확인했습니다.",
        "Not compared with what runs now: {what}. Of the load test only the date was checked.",
    ),
    ReasonCode.NOTE_SAME_MACHINE: (
        "부하 테스트를 서비스와 같은 서버에서 했습니다. 네트워크와 앞단(TLS, 로드 밸런서)은 포함되지 않았습니다.",
        "The load came from the service's own machine: the network and what stands in front (TLS, a balancer) were not in it.",
    ),
    ReasonCode.NOTE_OTHER_HOST: (
        "부하 테스트는 {measured} 주소로 했는데, {names} 캠페인은 {called} 주소를 호출합니다.",
        "The load test called {measured}, and {names} calls {called}.",
    ),
    ReasonCode.NOTE_UNCOMMITTED: (
        "커밋되지 않은 변경이 있는 상태에서 부하 테스트를 했습니다.",
        "The load test ran from a folder with changes that stand in no commit.",
    ),
    ReasonCode.NOTE_SHORT_SOAK: (
        "부하 테스트는 {soak_min:n}분 동안 확인한 것이고 발송은 {hours:n}시간 걸립니다: ‘{name}’. 오래 걸려야 드러나는 문제는 알 수 없습니다.",
        'The load test confirmed its result for {soak_min:n minute}, and "{name}" takes {hours:n hour}: what comes late was not seen.',
    ),
    ReasonCode.NOTE_OTHER_INSTANCES: (
        "서버 {instances:n}대로 한다고 적힌 캠페인은 {instances:n}대로 한 부하 테스트(초당 {usable_rps:n}건까지)로 판단했습니다: {names}.",
        "What counts on {instances:n server} is judged by the load test with {instances:n} (up to {usable_rps:n} calls/s): {names}.",
    ),
    ReasonCode.NOTE_CALLS_ASSUMED: (
        "1인당 호출 수를 몰라 {low:n}~{high:n}회로 보고, {high:n}회로 판단했습니다: {names}.",
        "How often one mail calls is not known: taken as {low:n} to {high:n} times, and judged at {high:n}: {names}.",
    ),
    ReasonCode.NOTE_BURST_ASSUMED: (
        "1분 안의 피크는 평균의 {high:n}배까지로 가정했습니다: {names}.",
        "The busiest second of a minute is assumed to be up to {high:n} times the mean: {names}.",
    ),
    ReasonCode.NOTE_OFFERED_ASSUMED: (
        "Braze에서 고를 수 있는 속도 목록은 공개되어 있지 않아 가정한 것입니다.",
        "Which speeds Braze offers is not published, and so assumed.",
    ),
    ReasonCode.NOTE_BASE_LOAD: (
        "다른 트래픽이 시간대에 따라 초당 {base}건을 쓰는 것으로 보고 한도에서 뺐습니다.",
        "Other traffic is taken to make {base} calls a second, by the hour, and what may be planned on is less by them.",
    ),
    ReasonCode.NOTE_BASE_LOAD_ALONE: (
        "{at_hours}에는 다른 트래픽만으로 쓸 수 있는 한도(초당 {usable_rps:u}건)가 다 찹니다. 이 시간에는 어떤 속도로도 보낼 수 없습니다.",
        "At {at_hours} other traffic alone fills what may be planned on ({usable_rps:u} calls a second): nothing can be sent then, at any speed.",
    ),
    ReasonCode.NOTE_TRIGGERED: (
        "회원 행동에 따라 나가는 메일은 1분에 몰릴 수 있는 최대치(백만 번에 한 번 넘는 수준)로 판단했습니다.",
        "Mails that follow what members do are judged at what chance exceeds once in a million.",
    ),
    ReasonCode.NOTE_CAREFUL: (
        "적지 않은 값은 가장 나쁜 경우로 판단해, 있을 법한 값보다 {factor:n}배 조심스럽습니다. 1인당 호출 수와 피크 배수를 직접 적으면 그만큼 빠른 속도가 가능할 수 있고, 한 번 발송하고 나면 측정한 값으로 바뀝니다: {names}.",
        "What was not typed is taken at its worst, {factor:n time} more careful than is likely. Typing the calls per recipient and how many times the mean the busiest second is may allow a speed so much faster, and after one send what was measured takes their place: {names}.",
    ),
    ReasonCode.NOTE_AT_ONCE: (
        "속도 제한 없이 보내면 Braze가 1분에 {most_per_min:n}건까지 보낸다고 가정했습니다(공개된 최대치 없음): {names}.",
        "Without a speed limit Braze is assumed to send up to {most_per_min:n} in a minute, as no maximum is published: {names}.",
    ),
    ReasonCode.NOTE_MINUTE: (
        "1분 안에서는 처음 몇 초에 가장 몰린다고 가정했습니다. 1분 치보다 적은 발송도 같은 빠르기로 나갑니다.",
        "A minute is assumed to be busiest in its first seconds; a send smaller than a minute's limit goes as fast.",
    ),
    ReasonCode.NOTE_BEST_HOUR: (
        "인텔리전트 타이밍은 한 시간 안에 고르게 나간다고 가정했습니다. 정각에 몰리는 경우는 계획 파일의 `hour_shape`로 따져 볼 수 있습니다: {names}.",
        "Intelligent Timing is assumed to be even within the hour; `hour_shape` in a plan file tries the case that all go on the hour: {names}.",
    ),
    ReasonCode.NOTE_NEAREST_EDGE: (
        "가장 좋은 시각이 방해 금지 시간 안이면, 그 앞이나 뒤 가까운 쪽에 몰아서 나갑니다: {names}.",
        "Best times within quiet hours go together just before or after them, whichever is nearer: {names}.",
    ),
    ReasonCode.NOTE_MIXED: (
        "워크스페이스 한도 안에서 Braze는 같은 시각에 시작한 캠페인을 섞어 보내며, 우선순위가 없습니다. 우선순위는 여기서 누가 양보할지를 정할 때만 씁니다.",
        "Under the workspace's limit Braze mixes campaigns of one start and knows no priority; here a priority only says who gives way.",
    ),
    ReasonCode.NOTE_SPARE: (
        "희망 종료 시각이 있으면, 그때까지 남은 시간의 {share:p}를 남기는 가장 느린 속도를 권합니다.",
        "Where there is a deadline, the slowest speed is advised that leaves {share:p} of the time until then.",
    ),
    ReasonCode.NOTE_LOSSES: (
        "감당하지 못할 때 잃는 메일 수는 범위로만 알 수 있습니다. 한 메일의 여러 호출이 함께 실패하는지, 서비스가 과부하를 얼마나 버티는지에 달려 있습니다.",
        "How many mails are lost when it is too much is a range: it hangs on whether the calls of one mail fail together, and on how well the service stands overload.",
    ),
    ReasonCode.NOTE_SPEED: (
        "Braze의 발송 속도는 상한이지 약속이 아닙니다. 실제로는 더 늦게 끝날 수 있습니다.",
        "Braze's delivery speed is a limit and no promise: a send may end later.",
    ),
    ReasonCode.NOTE_NOT_TRIED: (
        "캠페인이 많아 일부 속도는 따져 보지 못했습니다. 더 빠른 속도도 가능할 수 있습니다.",
        "With so many campaigns some speeds were not worked out: a faster one may do.",
    ),
    ReasonCode.NOTE_PLAY_CUT_SHORT: (
        "‘계획대로 보내면’의 결과는 처음 {played_min:n}분만 계산한 것입니다.",
        "What happens as planned was worked out for the first {played_min:n minute} only.",
    ),
    ReasonCode.NOTE_CHANCE_TOGETHER: (
        "끝날 확률은 여러 캠페인의 인원이 함께 많거나 적다고 보고 계산했습니다.",
        "The chances take it that all audiences are larger, or smaller, together.",
    ),
    ReasonCode.NOTE_PLAYS_ONLY: (
        "계획 파일의 service와 failures는 판단에 쓰지 않았습니다.",
        "The plan's tables service and failures are for plays, and were not used.",
    ),
    **IN_BRAZE,
}
MEASURE_HOW: Final = (
    "서비스 담당자에게 부하 테스트를 요청하세요: `python -m loadtest ceiling`, 지금과 같은 서버 수와 설정으로.",
    "Ask those who run the service for a load test: `python -m loadtest ceiling`, with the servers and settings of now.",
)
# What is said after the numbers of TooManyCalls.
BREAKS: Final[Mapping[ReasonCode, tuple[str, str]]] = {
    ReasonCode.LATENCY_SLO: (" 이를 넘기면 응답이 느려집니다.", " Beyond that, answers become slow."),
    ReasonCode.CUT_OFFS: (
        " 이를 넘기면 2초 안에 답하지 못하는 호출이 생깁니다.",
        " Beyond that, calls are cut off after 2 seconds.",
    ),
    ReasonCode.FAILURES: (" 이를 넘기면 호출이 실패합니다.", " Beyond that, calls fail."),
    ReasonCode.LIMITER: (
        " 이를 넘기면 서비스가 정해 둔 호출 제한에 걸립니다.",
        " Beyond that, the service's own limit on calls sets in.",
    ),
    ReasonCode.DATABASE: (
        " 이를 넘기면 데이터베이스가 따라가지 못해 맞춤 공고 대신 인기 공고가 나갑니다.",
        " Beyond that, the database cannot follow, and popular postings go out instead of personal ones.",
    ),
    ReasonCode.SERVICE_WENT_AWAY: (" 이를 넘기면 서비스가 멈춥니다.", " Beyond that, the service goes away."),
    ReasonCode.CEILING: ("", ""),
}
WHAT: Final[Mapping[str, tuple[str, str]]] = {
    "fingerprint": ("프로그램과 설정", "program and settings"),
    "instances": ("서버 수", "number of servers"),
    "tables": ("데이터 크기", "size of the data"),
}
TABLES: Final[Mapping[str, tuple[str, str]]] = {
    "postings": ("공고", "postings"),
    "members": ("회원", "members"),
    "activity": ("활동", "activity"),
    "lists": ("추천 목록", "recommendation lists"),
}
