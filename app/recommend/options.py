"""The options of a refresh: how its lists are made."""

from __future__ import annotations

from dataclasses import dataclass

PER_COMPANY = 2  # postings of one company before any other company's next, in lists and in answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a refresh.

    Attributes:
        keep: Length of a list.
        seed: The same board and seed give the same lists.
        per_company: Postings of one company that come before the next ones of any other company.
        company_asked_applies: A member who applied to a company so often asked for it, and it may fill more of the list.
        congestion_share: How many of a segment's members may have the same posting in their top 10, as a share.
        show_viewed: Whether postings viewed or scrapped before may be shown again; those applied to never are.
        learn_from_mails: Whether what a member was shown in mails, and clicked there, moves their list.
    """

    keep: int = 50
    seed: int = 0
    per_company: int = PER_COMPANY
    company_asked_applies: int = 3
    congestion_share: float = 0.05
    show_viewed: bool = False
    learn_from_mails: bool = True
