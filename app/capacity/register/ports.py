"""Where campaigns and load tests are kept, as those who use them see it.

`app.postgres.planning` keeps them; the pages, the API and the commands use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.capacity.calibration import MeasuredSend
    from app.capacity.evidence.ceiling import MeasuredCeiling, RunningService
    from app.capacity.register.campaigns import (
        AuditEntry,
        Change,
        Draft,
        RegisteredCampaign,
        WorkspaceSettings,
    )
    from app.capacity.register.search import CampaignPage, CampaignSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSummary:
    """One load test of those kept; `wrong` says why no verdict goes by it, where it cannot be read."""

    id: str
    ended_at: datetime | None
    kind: str
    rps: float
    low_rps: float
    sentence: str
    added_at: datetime | None = None
    added_by: str | None = None
    wrong: str | None = None


class Register(Protocol):
    """Where campaigns are kept; each method may raise `RegisterUnavailableError`.

    `by` is the operator's name, as the credential has it.
    """

    def campaigns(self, *, removed: bool = False) -> Sequence[RegisteredCampaign]:
        """The living campaigns by number, or the removed ones."""

    def campaign(self, number: int) -> RegisteredCampaign | None:
        """One campaign, living or removed."""

    def search(self, search: CampaignSearch) -> CampaignPage:
        """A page of the campaigns that are asked for; one beyond the last is the last."""

    def series(self, one: RegisteredCampaign) -> Sequence[RegisteredCampaign]:
        """The campaigns of a weekly series that are not removed, in order, this one among them; empty if it is in no series."""

    def add(self, draft: Draft, *, by: str) -> RegisteredCampaign:
        """Put a campaign on record, with those of the weeks that it is repeated in; raises `NameTakenError`."""

    def edit(
        self, number: int, draft: Draft, *, version: int, by: str, following: bool = False
    ) -> RegisteredCampaign:
        """Save an edit made from `version`; raises `EditedMeanwhileError`, `NoSuchCampaignError`, `NameTakenError`.

        `following` carries what it changes on to those of its series that begin after it; raises `DefinitionError`
        where that does not fit one of them. It is all saved or nothing.
        """

    def remove(self, number: int, *, version: int, by: str, following: bool = False) -> RegisteredCampaign:
        """Take a campaign off the plan, its record kept; raises `EditedMeanwhileError`, `NoSuchCampaignError`.

        `following` takes those of its series that begin after it off, too.
        """

    def changes(self, number: int) -> Sequence[Change]:
        """Who changed a campaign and how, the newest first."""

    def workspace(self) -> WorkspaceSettings:
        """What all campaigns share."""

    def edit_workspace(self, definition: Mapping[str, Any], *, version: int, by: str) -> WorkspaceSettings:
        """Save an edit; raises `EditedMeanwhileError`."""

    def workspace_changes(self) -> Sequence[Change]:
        """Who changed the workspace and how, the newest first."""

    def sends(self, key: str) -> Sequence[MeasuredSend]:
        """What was counted of each send of a key, the newest first, the running one included."""

    def seconds(self, key: str, send: str) -> Sequence[tuple[datetime, int, int]]:
        """A send's seconds with calls, in order: instant, calls, how many of them degraded; kept for 14 days."""

    def enter_sent(self, key: str, send: str, sent: int | None, *, by: str) -> MeasuredSend | None:
        """Note how many messages Braze says it sent (None takes the note back); None for an unknown send."""

    def last_verdicts(self) -> Mapping[int, str]:
        """The verdict of each campaign when it was last looked at before it began, by its number; of some none is kept."""

    def audit_log(self, *, most: int = 200) -> Sequence[AuditEntry]:
        """Who changed what, the newest first."""

    def running(self) -> RunningService:
        """What runs now, by the instances' heartbeats and the catalogue's sizes."""


class EvidenceStore(Protocol):
    """Where load tests are kept; each method may raise `RegisterUnavailableError`."""

    def all(self) -> Sequence[EvidenceSummary]:
        """All load tests, the newest first."""

    def document(self, evidence_id: str) -> Mapping[str, Any] | None:
        """The whole of one."""

    def add(self, text: str, *, by: str, now: datetime | None = None) -> tuple[EvidenceSummary, bool]:
        """Keep the evidence in a file's text, and say whether it is new; raises `EvidenceError`."""

    def remove(self, evidence_id: str, *, by: str) -> EvidenceSummary | None:
        """Take a load test back; None where there is none of this id. Who did it is kept."""

    def measured(self) -> Sequence[MeasuredCeiling]:
        """What a plan goes by, the newest first; what cannot be read is left out, and `all` names it."""
