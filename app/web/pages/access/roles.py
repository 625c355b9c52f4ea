"""Who may do what on the pages: whatever is not named here only shows, and everybody signed in may look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.credentials import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDED: Final[Mapping[str, Role]] = {
    "pages.sign_out": Role.LOOK,
    "pages.new": Role.PLAN,
    "pages.add": Role.PLAN,
    "pages.duplicate": Role.PLAN,
    "pages.edit": Role.PLAN,
    "pages.save": Role.PLAN,
    "pages.take_advice": Role.PLAN,
    "pages.remove": Role.PLAN,
    "pages.remove_now": Role.PLAN,
    "pages.enter_sent": Role.PLAN,
    "pages.shares": Role.PLAN,
    "pages.share": Role.PLAN,
    "pages.revoke_share": Role.PLAN,
    "pages.add_experiment": Role.PLAN,
    "pages.start_experiment": Role.PLAN,
    "pages.stop_experiment": Role.PLAN,
    "pages.pause_sync": Role.PLAN,
    "pages.resume_sync": Role.PLAN,
    "pages.remove_evidence": Role.ADMINISTER,
    "pages.save_settings": Role.ADMINISTER,
}


def needed_for(endpoint: str | None, method: str) -> Role:
    """The role that a request needs; a write that nobody thought of is the administrators'."""
    usual = Role.LOOK if method in {"GET", "HEAD", "OPTIONS"} else Role.ADMINISTER
    return NEEDED.get(endpoint or "", usual)
