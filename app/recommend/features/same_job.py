"""Which postings are one job under several ids: posted again, lifted from another site, or cloned.

A job is identified by its company, its title, its requirements and its terms. Case, spacing, punctuation, a legal form, a mark of
posting again and a day in the title make no other job; another place, pay, career or kind of employment does. So a title
that a chain uses at each of its branches is as many jobs.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from app.board.model import Posting

_LEGAL_FORMS = re.compile(
    r"\((주|유|재|사|합|복|의|학|株)\)|주식회사|유한회사|유한책임회사|재단법인|사단법인|의료법인|학교법인|사회복지법인"
    r"|\b(co\.?,?\s*ltd|corporation|corp|inc|llc|ltd|gmbh|plc)\b\.?",
)
# What people put before or behind a title when they post it again, mostly in brackets.
_MARKS = (
    r"재\s*등록|재\s*공고|재\s*게시|재\s*모집|재\s*채용|재\s*업로드|끌올|수정|연장|기간\s*연장|마감\s*연장|긴급|급구|급모|추가\s*모집"
    r"|마감\s*임박|오늘\s*마감|내일\s*마감|d-?\d+|채용\s*중|re-?\s?post(ed|ing)?|re-?\s?list(ed|ing)?|re-?\s?advertised?"
    r"|re-?\s?opened|extended|updated|urgent|new"
)
_BRACKETED_MARK = re.compile(
    rf"[\[(<{{【〔「『«]\s*(?:{_MARKS})(?:\s*[-:#]?\s*\d+)?\s*(?:차|회)?\s*[\])>}}】〕」』»]"
)
_LEADING_MARK = re.compile(r"^\W*(?:재\s*등록|재\s*공고|재\s*게시|끌올|급구|re-?post(?:ed)?)\b[\W_]*")
_DAY = re.compile(
    r"(?:~|-|까지)?\s*(?:(?:\d{4}|\d{2})\s*(?:[./-]|년)\s*\d{1,2}\s*(?:[./-]|월)\s*\d{1,2}\s*일?"
    r"|(?<![\d.])\d{1,2}\s*/\s*\d{1,2}(?![\d/])|\d{1,2}\s*월\s*\d{1,2}\s*일)"
    r"\s*(?:\([월화수목금토일]\))?\s*(?:까지|마감|한)?"
)
_NO_LETTER = re.compile(r"[^\w+#]|_")


# What stands in the place of a name where a company keeps it to itself.
_NO_NAME = frozenset(
    {
        "confidential",
        "companyconfidential",
        "anonymous",
        "비공개",
        "기업비공개",
        "회사명비공개",
        "비공개기업",
        "미공개",
        "익명",
    }
)


def same_jobs(postings: Sequence[Posting]) -> list[list[int]]:
    """Positions of the postings that are one job, group by group; a posting that is a job by itself is in none.

    What one of them leaves open (its place, its pay) is taken from the others where these agree on it.
    """
    named: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for at, posting in enumerate(postings):
        named[_company(posting), _title(posting.title)].append(at)
    groups = [group for group in named.values() if len(group) > 1]
    for term in _TERMS:
        groups = [part for group in groups for part in _agreeing(group, postings, term) if len(part) > 1]
    return groups


def shared_jobs(postings: Sequence[Posting]) -> list[list[str]]:
    """Ids of the postings of each job with several postings, one of them open; an application to one counts for all."""
    return [
        [postings[at].id for at in group]
        for group in same_jobs(postings)
        if any(postings[at].status is Status.OPEN for at in group)
    ]


def leads(
    postings: Sequence[Posting], open_: NDArray[np.bool_], opened_s: NDArray[np.float64]
) -> NDArray[np.int64]:
    """For each posting the position of the one that stands for its job, (n_postings,) int64: of those open the freshest.

    Of equally fresh ones the one with the latest deadline.
    """
    lead = np.arange(len(postings))
    for group in same_jobs(postings):
        lead[group] = max(group, key=lambda at: (open_[at], opened_s[at], _lasts(postings[at]), -at))
    return lead


def _lasts(posting: Posting) -> float:
    return float("inf") if posting.deadline is None else posting.deadline.toordinal()


def _agreeing(
    group: Sequence[int], postings: Sequence[Posting], term: Callable[[Posting], Hashable]
) -> Iterable[list[int]]:
    """Parts of a group that say the same; who says nothing joins the others where all of these agree."""
    parts: defaultdict[Hashable, list[int]] = defaultdict(list)
    for at in group:
        parts[term(postings[at])].append(at)
    if None in parts and len(parts) == 2:  # noqa: PLR2004 - nothing, and one thing
        return [list(group)]
    return parts.values()


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _company(posting: Posting) -> str:
    """A company's name without its legal form; its id where it tells no name."""
    plain = _plain(posting.company or "")
    name = _NO_LETTER.sub("", _LEGAL_FORMS.sub("", plain)) or _NO_LETTER.sub("", plain)
    return posting.company_id if not name or name in _NO_NAME else name


def _title(title: str) -> str:
    plain = _plain(title)
    bare = _DAY.sub("", _LEADING_MARK.sub("", _BRACKETED_MARK.sub("", plain)))
    return _NO_LETTER.sub("", bare) or _NO_LETTER.sub("", plain) or plain


def _places(posting: Posting) -> Hashable:
    return frozenset(posting.regions) or None


def _pay(posting: Posting) -> Hashable:
    pay = posting.salary_min, posting.salary_max, posting.salary_unit
    return pay if posting.salary_min or posting.salary_max else None


def _career(posting: Posting) -> Hashable:
    career = posting.career_min_years or 0.0, posting.career_max_years
    return None if career == (0.0, None) else career


def _employment(posting: Posting) -> Hashable:
    return frozenset(posting.employment_types) or None


_TERMS: tuple[Callable[[Posting], Hashable], ...] = (_places, _pay, _career, _employment)
