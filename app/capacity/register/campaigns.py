"""Campaigns on record and the workspace that they share: values, and what an edit of them may be refused for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from app.board.campaign_key import CAMPAIGN_KEY
from app.capacity.plan.json_values import DefinitionError, read_definition, read_repeated
from app.capacity.plan.table import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.capacity.campaign import Campaign
    from app.capacity.register.in_braze import InBraze

LONGEST_OWNER: Final = 100
BRAZE_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
What = Literal["added", "edited", "removed"]
_DRAFT_FIELDS: Final = ("key", "owner", "braze_campaign_id", "definition")


class RegisterError(Exception):
    """Why the register did not do what it was asked; the sentence says what to do."""


class RegisterUnavailableError(RegisterError):
    """The register cannot be read or written now."""


class RegisterRefusedError(RegisterUnavailableError):
    """Nor will it be, until somebody mends what the sentence says."""


class NoSuchCampaignError(RegisterError):
    """There is no living campaign of this number."""


class NameTakenError(RegisterError):
    """Another campaign on record has this name."""


class EditedMeanwhileError(RegisterError):
    """Somebody saved the same thing since it was read; `newer` is what they saved.

    Nothing is lost: the caller still has its own input, and shows both.
    """

    def __init__(self, newer: RegisteredCampaign | WorkspaceSettings) -> None:
        super().__init__(
            f"{newer.updated_by} saved version {newer.version} meanwhile: compare it with yours and save again."
        )
        self.newer = newer


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an operator writes of a campaign; `definition` is the plan file's `[[campaigns]]` table as JSON values.

    Where the table says `repeat_weekly_until`, `repeats` are the definitions of the weeks that follow.
    """

    key: str
    owner: str
    definition: Mapping[str, Any]
    braze_campaign_id: str | None = None
    repeats: Sequence[Mapping[str, Any]] = ()

    def values(self) -> dict[str, Any]:
        """What is kept of it, by field, and what a change shows."""
        return {
            "key": self.key,
            "owner": self.owner,
            "braze_campaign_id": self.braze_campaign_id,
            "definition": dict(self.definition),
        }


def read_draft(values: Mapping[str, Any]) -> Draft:
    """Read what somebody typed or sent: `key`, `owner`, `braze_campaign_id` (may be missing) and `definition`.

    Raises:
        DefinitionError: names the field at fault, one of `definition`'s included.
    """
    for name in values:
        if name not in _DRAFT_FIELDS:
            raise DefinitionError(
                f"{shown(name)} is not a field of a campaign; it has {', '.join(_DRAFT_FIELDS)}."
            )
    key, owner, braze_id = (values.get(name) for name in _DRAFT_FIELDS[:3])
    if not isinstance(key, str) or not CAMPAIGN_KEY.fullmatch(key):
        raise DefinitionError(
            f"Key is {shown(key)}; write the template's campaign parameter: 1 to 64 of a-z, 0-9, - and _, "
            "beginning and ending with a letter or digit.",
            "key",
        )
    if (
        not isinstance(owner, str)
        or not owner.strip()
        or not owner.isprintable()
        or len(owner) > LONGEST_OWNER
    ):
        raise DefinitionError(
            f"Owner is {shown(owner)}; write who answers for it, 1 to {LONGEST_OWNER} printable characters.",
            "owner",
        )
    if braze_id is not None and not (isinstance(braze_id, str) and BRAZE_ID.fullmatch(braze_id)):
        raise DefinitionError(
            f"Braze_campaign_id is {shown(braze_id)}; copy it from Braze's campaign page, or leave it out.",
            "braze_campaign_id",
        )
    definition = values.get("definition")
    if not isinstance(definition, dict):
        raise DefinitionError(
            f"Definition is {shown(definition)}; write the campaign's fields as docs/plan-file.md has them.",
            "definition",
        )
    first, *repeats = read_repeated(definition)
    return Draft(key=key, owner=owner, braze_campaign_id=braze_id, definition=first, repeats=tuple(repeats))


def flat_values(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Return a draft's values with those of its definition beside them, in one table."""
    inner = draft.get("definition")
    values = {name: value for name, value in draft.items() if name != "definition"}
    return {**values, **inner} if isinstance(inner, dict) else values


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCampaign:
    """A planned send on record.

    Several may have one `key` (a digest of every week), but no two living ones one name. `version` goes up by
    one with every edit. Instants are aware; `removed_at` is None for a living one. `series` is the number of the
    campaign that its weekly series began with, None for one that is in none. `in_braze` is what Braze says of one that
    came from its calendar.
    """

    id: int
    key: str
    owner: str
    braze_campaign_id: str | None
    definition: Mapping[str, Any]
    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    removed_at: datetime | None = None
    series: int | None = None
    in_braze: InBraze | None = None

    @property
    def name(self) -> str:
        """The name that people know it by; what can no longer be read goes by its number."""
        return str(self.definition.get("name") or f"#{self.id}")

    def campaign(self) -> Campaign:
        """The campaign as the planner sees it, what was left out as the plan file has it."""
        return read_definition(self.definition)[0]

    def draft(self) -> Draft:
        """What an edit begins with."""
        return Draft(
            key=self.key,
            owner=self.owner,
            braze_campaign_id=self.braze_campaign_id,
            definition=self.definition,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceSettings:
    """What all campaigns share: `definition` is the plan file's top-level fields as JSON values."""

    definition: Mapping[str, Any]
    version: int
    updated_at: datetime
    updated_by: str

    @property
    def time_zone(self) -> str:
        """The company's zone."""
        return str(self.definition.get("time_zone"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changed what: `before` and `after` are the values changed, None where there were none."""

    at: datetime
    who: str
    what: What
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who changed what thing when: `subject` names it, `before` and `after` are what it was and is, where told."""

    at: datetime
    who: str
    what: str
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
