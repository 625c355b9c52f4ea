"""Titles as a Korean board's companies write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.demo.random_draws import Weighted
from app.demo.words import Career

if TYPE_CHECKING:
    from app.demo.companies import Company
    from app.demo.random_draws import RandomStream
    from app.demo.salaries import Salary
    from app.demo.words import Occupation

_RANK = "{rank}"
_BY_EMPLOYMENT: dict[str, tuple[str, ...]] = {
    "intern": ("{} 인턴 채용", "{} 채용연계형 인턴 모집", "{} 체험형 인턴 모집"),
    "part_time": ("{} 파트타임 모집", "{} 아르바이트 모집", "{} 아르바이트 구합니다"),
    "freelance": ("{} 프리랜서 모집", "{} 프리랜서 구인", "{} 프리랜서 ({years})"),
    "contract": ("{} 계약직 채용", "{} 계약직 모집", "{} 채용 (계약직)", "{} 채용 (계약직 1년)"),
    "dispatch": ("{} 파견직 채용", "{} 채용 (파견계약직)"),
    "commissioned": ("{} 위촉직 모집", "{} 모집 (위촉계약)"),
    "trainee": ("{} 교육생 모집",),
}
_BY_CAREER: dict[Career, tuple[str, ...]] = {
    Career.ENTRY: ("{} 신입 채용", "{} 신입사원 모집", "{} 신입 모집", "신입 {} 채용"),
    Career.BOTH: ("{} 채용", "{} 신입/경력 채용", "{} 신입·경력 모집", "{} 모집", "{} 채용 (신입/경력)"),
    Career.ANY: ("{} 모집", "{} 채용", "{} 모집 (경력무관)", "{} 채용공고", "{} 구인"),
    Career.EXPERIENCED: (
        "{} 경력 {years}", "{} 경력직 채용 ({years})", "{} 경력 채용", "{} 경력사원 모집", "{} 채용 ({years})", _RANK,
    ),
}  # fmt: skip
_RANKS = (
    (9, "{} 채용 (차장~부장급)"),
    (6, "{} 경력직 채용 (과장급)"),
    (3, "{} 경력직 채용 (대리급)"),
    (0, "주니어 {} 채용"),
)
_OPENINGS = Weighted.of(
    {
        "none": 42,
        "company": 14,
        "district": 15,
        "tag": 12,
        "perk": 9,
        "employment": 4,
        "plain company": 4,
    }.items()
)
_ENDINGS = Weighted.of({"none": 60, "skills": 16, "perk": 15, "pay": 9}.items())
_WITHOUT_RANKS = frozenset(
    {"6", "7", "10", "11", "13", "19", "20", "21"}
)  # nobody there is hired as a 대리 or 과장
_TELLING_SKILLS = frozenset({"2", "9", "15"})  # groups whose titles name tools
_FOR_BEGINNERS = ("신입", "초보", "신규")
_SHORTEST_SHORTENED = 3  # 중구 stays 중구


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleFacts:
    """What a title is written from; a career of None years is not bounded."""

    role: Occupation
    company: Company
    district: str
    career: Career
    years: tuple[float | None, float | None]
    employment: str
    skills: tuple[str, ...]
    salary: Salary | None


def title(facts: TitleFacts, rng: RandomStream) -> str:
    """An opening in brackets or none, the role with what is asked for, and an ending or none."""
    name = rng.choice(facts.role.names)
    opening, ending = rng.weighted_choice(_OPENINGS), rng.weighted_choice(_ENDINGS)
    if opening == "perk" and ending == "perk":
        ending = "none"
    core = _core(facts, name, rng)
    after = "" if core.endswith(")") else _ending(ending, facts, name, rng)
    return f"{_opening(opening, facts, rng)}{core}{after}"


def years_text(low: float, high: float | None) -> str:
    """A career range as titles write it: "3년 이상", "3~7년"."""
    return f"{low:g}년 이상" if high is None else f"{low:g}~{high:g}년"


def district_text(district: str) -> str:
    """A district as titles write it: 강남구 is 강남, 성남시/분당구 is 분당, 중구 stays."""
    last = district.rpartition("/")[2]
    return last if len(last) < _SHORTEST_SHORTENED else last.removesuffix("구").removesuffix("시")


def _core(facts: TitleFacts, name: str, rng: RandomStream) -> str:
    low, high = facts.years
    shapes = _BY_EMPLOYMENT.get(facts.employment) or _BY_CAREER[facts.career]
    if not low:
        shapes = tuple(shape for shape in shapes if "{years}" not in shape)
    if "사원" in name:
        shapes = tuple(shape for shape in shapes if "사원" not in shape)
    if facts.role.group in _WITHOUT_RANKS:
        shapes = tuple(shape for shape in shapes if shape != _RANK)
    shape = rng.choice(shapes)
    if shape == _RANK:
        shape = next(text for least, text in _RANKS if (low or 0) >= least)
    return shape.format(name, years=years_text(low or 0, high))


def _opening(kind: str, facts: TitleFacts, rng: RandomStream) -> str:
    tags = facts.company.industry.tags if facts.role.tagged else ()
    hints = {
        "company": facts.company.short,
        "district": district_text(facts.district),
        "tag": rng.choice(tags) if tags else None,
        "perk": _perk(facts, rng),
        "employment": "정규직" if facts.employment == "regular" else None,
    }
    if kind == "plain company":
        return f"{facts.company.short} "
    return f"[{hints[kind]}] " if hints.get(kind) else ""


def _ending(kind: str, facts: TitleFacts, name: str, rng: RandomStream) -> str:
    hints = {"skills": _skills(facts, name), "perk": _perk(facts, rng), "pay": _pay(facts)}
    return f" ({hints[kind]})" if hints.get(kind) else ""


def _perk(facts: TitleFacts, rng: RandomStream) -> str | None:
    fitting = [p for p in facts.role.perks if not facts.years[0] or not p.startswith(_FOR_BEGINNERS)]
    return rng.choice(fitting) if fitting and facts.employment == "regular" else None


def _skills(facts: TitleFacts, name: str) -> str | None:
    if facts.role.group not in _TELLING_SKILLS or any(skill in name for skill in facts.skills):
        return None
    return "/".join(facts.skills[:2])


def _pay(facts: TitleFacts) -> str | None:
    """A yearly salary in 만원, as titles tell it."""
    if facts.salary is None or facts.salary.unit != "KRW/year":
        return None
    low, high = facts.salary.low // 10_000, facts.salary.high
    return f"연봉 {low:,}만원 이상" if high is None else f"연봉 {low:,}~{high // 10_000:,}만원"
