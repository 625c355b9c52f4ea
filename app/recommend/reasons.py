"""Why a posting is in a list: codes that never change their number."""

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


# Reasons that may name the posting they rest on, by the kind of activity in it.
NAMING = {
    "applied": Reason.SIMILAR_TO_APPLIED,
    "scrapped": Reason.SIMILAR_TO_SCRAPPED,
    "viewed": Reason.SIMILAR_TO_VIEWED,
}
