"""Answers of the Connected Content API to render templates with; every company and posting is made up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.braze.calls import CallAnswer, FetchError, Request
from app.feedback.exposure import build, quoted

TEMPLATES = Path(__file__).parents[3] / "docs" / "templates"

RID = "aqBdGfU6K_NRfVp3"
_LINK = f"https://www.example.com/postings/{{id}}?rid={RID}&campaign=weekly-digest&variant=a&position={{position}}"
_ROWS: tuple[tuple[str | int | None, ...], ...] = (
    ("파이썬 백엔드 개발자 (추천 시스템)", "(주)가온데이터랩", "서울 강남구", "경력 3~5년", "대졸", "정규직", "연봉 5,000~6,500만원", 10, "최근 지원한 공고와 비슷해요"),
    ("데이터 엔지니어 | Airflow · Spark 파이프라인 구축 및 운영", "누리커머스", "서울 성동구", "경력 5년 이상", "학력무관", "정규직", "면접 후 결정", 2, "같은 공고에 지원한 회원들이 많이 지원했어요"),
    ("[신입/경력] 플랫폼 서비스 운영 매니저 채용 - 함께 성장할 동료를 찾습니다", "(주)한빛모빌리티", "경기 성남시 분당구", "경력무관", "초대졸", "계약직", "연봉 3,200만원", 0, "스크랩한 공고와 직무가 같아요"),
    ("QA 엔지니어", "별빛소프트", "서울 마포구", "신입", "대졸", "인턴", None, None, "희망 지역에서 새로 올라온 공고예요"),
    ("머신러닝 엔지니어 (검색 랭킹)", "(주)다온서치", "서울 서초구", "경력 2~7년", "석사", "정규직", "연봉 7,000만원 이상", 21, "등록하신 기술과 잘 맞아요"),
    ("Server Engineer & SRE (Go/Kubernetes)", "Mirae Cloud Korea", "서울 영등포구", "경력 4년 이상", None, "정규직", None, 14, "등록하신 기술과 잘 맞아요"),
    ("사내 시스템 개발 및 유지보수 담당자 모집", "동해물산(주)", "부산 해운대구", "경력 1~3년", "대졸", "정규직", "연봉 3,600~4,200만원", 5, None),
    ("프론트엔드 개발자 (React)", "(주)모아에듀", "서울 구로구", "경력 3년 이상", "학력무관", "정규직", "연봉 4,500만원", 30, "최근 본 공고와 비슷해요"),
    ("데이터 분석가", "서해금융정보", None, "신입·경력", "대졸", "정규직", "회사 내규에 따름", 8, "지금 많이 보는 공고예요"),
    ("클라우드 인프라 운영 (재택 가능)", "(주)푸른하늘네트웍스", "전국", "경력 3년 이상", "학력무관", "프리랜서", "월급 450만원", 3, "희망 조건과 잘 맞아요"),
)  # fmt: skip


def posting(**changes: object) -> dict[str, object]:
    """Return one whole posting of an answer, with the given fields changed."""
    return _posting(1, _ROWS[0]) | changes


def _posting(position: int, row: Sequence[str | int | None]) -> dict[str, object]:
    title, company, location, career, education, employment_type, salary, days_left, reason = row
    label = {None: "상시 채용", 0: "오늘 마감"}.get(
        days_left if isinstance(days_left, int) else None, f"D-{days_left}"
    )
    deadline = None if not isinstance(days_left, int) else f"2026-12-{days_left + 1:02d}"
    return {
        "id": f"p{position}",
        "title": title,
        "company": company,
        "location": location,
        "career": career,
        "education": education,
        "employment_type": employment_type,
        "salary": salary,
        "deadline": deadline,
        "days_left": days_left,
        "deadline_label": label,
        "url": _LINK.format(id=f"p{position}", position=position),
        "reason": reason,
        "reason_code": "similar_to_applied" if reason else None,
    }


def realistic_postings() -> list[dict[str, object]]:
    """Return ten postings as they might be answered on 2026-12-01."""
    return [_posting(position, row) for position, row in enumerate(_ROWS, start=1)]


def answer_body(
    postings: Sequence[Mapping[str, object]], *, source: str = "personalized", degraded: str | None = None
) -> dict[str, object]:
    """Return the API's whole answer around some postings."""
    return {
        "recommendation_id": RID,
        "campaign": "weekly-digest",
        "variant": "a",
        "arm": None,
        "source": source,
        "degraded": degraded,
        "count": len(postings),
        "generated_at": "2026-11-30T18:00:00Z",
        "postings": list(postings),
        "exposure": build(RID, "weekly-digest", source, None, [quoted(str(one["id"])) for one in postings]),
    }


@dataclass(slots=True)
class FakeFetch:
    """Answers every request with the next of `answers`, the last one for good, and remembers the requests."""

    answers: list[CallAnswer | FetchError]
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request, /) -> CallAnswer:
        """Answer, or raise what stands for no answer."""
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, FetchError):
            raise answer
        return answer


def answering(value: object, *, status: int = 200) -> FakeFetch:
    """Return a fetch that always answers one JSON value."""
    return FakeFetch([CallAnswer(status, json.dumps(value, ensure_ascii=False).encode())])


def failing(reason: str = "no complete answer within 2 s") -> FakeFetch:
    """Return a fetch that never gets an answer."""
    return FakeFetch([FetchError(reason)])
