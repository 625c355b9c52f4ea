"""The codes the board's world shares: Saramin's published regions and job groups, and their names."""

from __future__ import annotations

from app.board.model import Education

REGIONS: dict[str, str] = {
    "101000": "서울", "102000": "경기", "103000": "광주", "104000": "대구", "105000": "대전", "106000": "부산",
    "107000": "울산", "108000": "인천", "109000": "강원", "110000": "경남", "111000": "경북", "112000": "전남",
    "113000": "전북", "114000": "충북", "115000": "충남", "116000": "제주", "117000": "전국", "118000": "세종",
}  # fmt: skip

JOB_GROUPS: dict[str, str] = {
    "16": "기획·전략", "14": "마케팅·홍보·조사", "3": "회계·세무·재무", "5": "인사·노무·HRD", "4": "총무·법무·사무",
    "2": "IT개발·데이터", "15": "디자인", "8": "영업·판매·무역", "21": "고객상담·TM", "18": "구매·자재·물류",
    "12": "상품기획·MD", "7": "운전·운송·배송", "10": "서비스", "11": "생산", "22": "건설·건축", "6": "의료",
    "9": "연구·R&D", "19": "교육", "13": "미디어·문화·스포츠", "17": "금융·보험", "20": "공공·복지",
}  # fmt: skip

NATIONWIDE = "117000"

# What may stand among a posting's regions, or a member's, beside places.
REMOTE, HYBRID = "remote", "hybrid"
ANYWHERE = frozenset({NATIONWIDE, REMOTE})  # within reach of everybody
WORKPLACES: dict[str, dict[str, str]] = {
    "ko": {REMOTE: "재택", HYBRID: "하이브리드"},
    "en": {REMOTE: "Remote", HYBRID: "Hybrid"},
}

# Regions people commute between or move within; "distance" between regions that only codes tell apart.
_NEIGHBOURS: tuple[frozenset[str], ...] = (
    frozenset({"101000", "102000", "108000"}),  # 서울 경기 인천
    frozenset({"105000", "118000", "114000", "115000"}),  # 대전 세종 충북 충남
    frozenset({"106000", "107000", "110000"}),  # 부산 울산 경남
    frozenset({"104000", "111000"}),  # 대구 경북
    frozenset({"103000", "112000", "113000"}),  # 광주 전남 전북
    frozenset({REMOTE, HYBRID}),
)

EDUCATION_NAMES: dict[str, dict[Education, str]] = {
    "ko": {
        Education.NONE: "학력무관",
        Education.HIGH_SCHOOL: "고졸 이상",
        Education.ASSOCIATE: "초대졸 이상",
        Education.BACHELOR: "대졸 이상",
        Education.MASTER: "석사 이상",
        Education.DOCTOR: "박사",
    },
    "en": {
        Education.NONE: "Any education",
        Education.HIGH_SCHOOL: "High school or above",
        Education.ASSOCIATE: "Associate degree or above",
        Education.BACHELOR: "Bachelor's degree or above",
        Education.MASTER: "Master's degree or above",
        Education.DOCTOR: "Doctorate",
    },
}

EMPLOYMENT_TYPES: dict[str, dict[str, str]] = {
    "ko": {
        "regular": "정규직", "contract": "계약직", "intern": "인턴", "part_time": "아르바이트", "dispatch": "파견직",
        "freelance": "프리랜서", "trainee": "교육생", "military": "병역특례", "commissioned": "위촉직", "other": "기타",
    },
    "en": {
        "regular": "Permanent", "contract": "Contract", "intern": "Intern", "part_time": "Part-time",
        "dispatch": "Agency", "freelance": "Freelance", "trainee": "Trainee", "military": "Military service",
        "commissioned": "Commissioned", "other": "Other",
    },
}  # fmt: skip


def neighbours(region: str) -> frozenset[str]:
    """Large regions near a large region's code, itself included."""
    return next((group for group in _NEIGHBOURS if region in group), frozenset({region}))


def large_region(region: str) -> str:
    """The large region of a region path: "101000" of "101000/강남구"."""
    return region.split("/", 1)[0]


def region_name(region: str) -> str:
    """A region path as people write it: "101000/강남구" is "서울 강남구"."""
    large, *rest = region.split("/")
    return " ".join([REGIONS.get(large, large), *rest])
