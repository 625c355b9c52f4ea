"""Why a posting is in a list: codes that never change their number, and a sentence for each."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """What contributed most to a posting's score. Numbers are stored with lists, in 7 bits: never reuse one."""

    POPULAR = 1
    POPULAR_IN_FIELD = 2
    NEW_IN_FIELD = 3
    SIMILAR_TO_APPLIED = 4
    SIMILAR_TO_SCRAPPED = 5
    SIMILAR_TO_VIEWED = 6
    FITS_FIELD = 7
    FITS_REGION = 8
    FITS_CAREER = 9
    FITS_SKILLS = 10
    FITS_SALARY = 11
    COMPANY_SCRAPPED = 12
    COMPANY_APPLIED = 13
    NEW = 14
    PEERS_APPLIED = 15
    REGION_OF_INTEREST = 16
    FITS_EDUCATION = 17
    COMPANY_VIEWED = 18
    OPEN_NOW = 19

    @property
    def code(self) -> str:
        """The name callers see as `reason_code`."""
        return self.name.lower()


SENTENCES: dict[str, dict[Reason, str]] = {
    "ko": {
        Reason.POPULAR: "요즘 많은 분이 찾는 공고예요",
        Reason.POPULAR_IN_FIELD: "관심 분야에서 많이 찾는 공고예요",
        Reason.NEW_IN_FIELD: "관심 분야에 새로 올라온 공고예요",
        Reason.SIMILAR_TO_APPLIED: "최근 지원한 공고와 비슷해요",
        Reason.SIMILAR_TO_SCRAPPED: "스크랩한 공고와 비슷해요",
        Reason.SIMILAR_TO_VIEWED: "최근 본 공고와 비슷해요",
        Reason.FITS_FIELD: "관심 직무와 잘 맞아요",
        Reason.FITS_REGION: "희망 지역에서 일할 수 있어요",
        Reason.FITS_CAREER: "경력 조건이 잘 맞아요",
        Reason.FITS_SKILLS: "보유 기술과 잘 맞아요",
        Reason.FITS_SALARY: "희망 연봉에 맞아요",
        Reason.COMPANY_SCRAPPED: "스크랩한 회사의 공고예요",
        Reason.COMPANY_APPLIED: "지원했던 회사의 공고예요",
        Reason.REGION_OF_INTEREST: "관심을 보인 지역의 공고예요",
        Reason.PEERS_APPLIED: "프로필이 비슷한 회원들이 찾는 공고예요",
        Reason.NEW: "새로 올라온 공고예요",
        Reason.FITS_EDUCATION: "학력 조건이 잘 맞아요",
        Reason.COMPANY_VIEWED: "최근 본 회사의 공고예요",
        Reason.OPEN_NOW: "지금 지원할 수 있는 공고예요",
    },
    "en": {
        Reason.POPULAR: "Popular on the board right now",
        Reason.POPULAR_IN_FIELD: "Popular in your field",
        Reason.NEW_IN_FIELD: "New in your field",
        Reason.SIMILAR_TO_APPLIED: "Similar to what you applied to",
        Reason.SIMILAR_TO_SCRAPPED: "Similar to what you saved",
        Reason.SIMILAR_TO_VIEWED: "Similar to what you viewed",
        Reason.FITS_FIELD: "Fits the work you are looking for",
        Reason.FITS_REGION: "In a region you chose",
        Reason.FITS_CAREER: "Fits your career",
        Reason.FITS_SKILLS: "Fits your skills",
        Reason.FITS_SALARY: "Meets the salary you want",
        Reason.COMPANY_SCRAPPED: "From a company you saved",
        Reason.COMPANY_APPLIED: "From a company you applied to",
        Reason.REGION_OF_INTEREST: "In a region you have been looking at",
        Reason.PEERS_APPLIED: "Sought by members with a profile like yours",
        Reason.NEW: "New on the board",
        Reason.FITS_EDUCATION: "Fits your education",
        Reason.COMPANY_VIEWED: "From a company you viewed",
        Reason.OPEN_NOW: "Open for applications now",
    },
}
LANGUAGES = tuple(SENTENCES)
# The same with the posting that the reason rests on; no particle stands behind the name, so any name fits.
_NAMING: dict[str, dict[Reason, tuple[str, str]]] = {
    "ko": {
        Reason.SIMILAR_TO_APPLIED: ("지원한 '", "' 공고와 비슷해요"),
        Reason.SIMILAR_TO_SCRAPPED: ("스크랩한 '", "' 공고와 비슷해요"),
        Reason.SIMILAR_TO_VIEWED: ("최근 본 '", "' 공고와 비슷해요"),
    },
    "en": {
        Reason.SIMILAR_TO_APPLIED: ("Similar to '", "', which you applied to"),
        Reason.SIMILAR_TO_SCRAPPED: ("Similar to '", "', which you saved"),
        Reason.SIMILAR_TO_VIEWED: ("Similar to '", "', which you viewed"),
    },
}
NAMING = {
    "applied": Reason.SIMILAR_TO_APPLIED,
    "scrapped": Reason.SIMILAR_TO_SCRAPPED,
    "viewed": Reason.SIMILAR_TO_VIEWED,
}


def naming(lang: str, reason: Reason, name: str) -> str:
    """The sentence of a reason that names the posting it rests on."""
    before, behind = _NAMING[lang][reason]
    return before + name + behind
