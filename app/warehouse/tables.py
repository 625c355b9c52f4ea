"""What a warehouse is given: the tables, their columns, and the version of both."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

VERSION: Final = 1  # of all columns; another version is written to another folder
ColumnType = Literal["text", "texts", "integer", "number", "boolean", "instant"]


class WarehouseColumn(NamedTuple):
    """A column, its type and what it says; `required` ones are never null."""

    name: str
    type: ColumnType
    says: str
    required: bool = False


class WarehouseTable(NamedTuple):
    """A table, what a row is, how a row is known, and its columns in their order."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[WarehouseColumn, ...]


_AS_OF = WarehouseColumn("as_of", "instant", "when an export first found the day as it is in this file", True)
_BRAZE = (
    WarehouseColumn("campaign_id", "text", "Braze's id of the campaign; null for a Canvas"),
    WarehouseColumn("variation_id", "text", "Braze's id of the message variant"),
    WarehouseColumn("canvas_id", "text", "Braze's id of the Canvas; null for a campaign"),
    WarehouseColumn("dispatch_id", "text", "Braze's id of the sending"),
)
_EVENTS = tuple(
    WarehouseColumn(name, "integer", says, True)
    for name, says in (
        ("unsubscribed", "members who unsubscribed"),
        ("marked_spam", "members who marked it as spam"),
        ("bounced", "members whose mail bounced for good"),
        ("soft_bounced", "members whose mail bounced for now"),
        ("aborted", "members whose mail was aborted"),
    )
)
EXPOSURES: Final = WarehouseTable(
    "exposures",
    "a mail that went out; its day is that of `sent_at`",
    ("event_id",),
    (
        WarehouseColumn("event_id", "text", "the Send event", True),
        WarehouseColumn("rid", "text", "the answer that the mail was filled with", True),
        WarehouseColumn("member_id", "text", "the member; null where nobody knows whose the profile is"),
        WarehouseColumn("campaign", "text", "our name of the campaign", True),
        *_BRAZE,
        WarehouseColumn("source", "text", "how the list was made: personalized, profile, popular", True),
        WarehouseColumn("arm", "text", "of the experiment; null without one"),
        WarehouseColumn("shown", "integer", "postings in the mail", True),
        WarehouseColumn("posting_ids", "texts", "their ids, the first first; a very long list is cut", True),
        WarehouseColumn("sent_at", "instant", "when it went out", True),
        _AS_OF,
    ),
)
CLICKS: Final = WarehouseTable(
    "clicks",
    "a click on a link of a mail, a person's or a scanner's; its day is that of `clicked_at`",
    ("event_id",),
    (
        WarehouseColumn("event_id", "text", "the Click event", True),
        WarehouseColumn("rid", "text", "the answer that the mail was filled with; null for another link"),
        WarehouseColumn("member_id", "text", "the member; null where nobody knows whose the profile is"),
        WarehouseColumn("campaign", "text", "our name of the campaign"),
        *_BRAZE,
        WarehouseColumn("arm", "text", "of the experiment; null without one"),
        WarehouseColumn("variant", "text", "the `variant` of the link, as the template has it"),
        WarehouseColumn("posting_id", "text", "the posting; null for another link"),
        WarehouseColumn("position", "integer", "its place in the mail, from 1"),
        WarehouseColumn("clicked_at", "instant", "when", True),
        WarehouseColumn("sent_at", "instant", "when the mail went out, where Braze says so"),
        WarehouseColumn("person", "boolean", "a person's, or a scanner's; null: not looked at yet"),
        WarehouseColumn(
            "taken_by", "text", "the rule that took it for a scanner's: flagged, burst, too_soon"
        ),
        WarehouseColumn("rule_version", "integer", "the version of these rules"),
        _AS_OF,
    ),
)
OUTCOMES: Final = WarehouseTable(
    "outcomes",
    "an application credited to a mail; its day is that of `applied_at`",
    ("member_id", "posting_id", "applied_at"),
    (
        WarehouseColumn("member_id", "text", "who applied", True),
        WarehouseColumn("posting_id", "text", "to what", True),
        WarehouseColumn("applied_at", "instant", "when", True),
        WarehouseColumn("rid", "text", "the answer that the mail was filled with", True),
        WarehouseColumn("campaign", "text", "our name of the campaign", True),
        WarehouseColumn("arm", "text", "of the experiment; null without one"),
        WarehouseColumn("basis", "text", "the ground of the credit: clicked, seen, drawn", True),
        WarehouseColumn("lag_s", "integer", "seconds from the click or the mail to the application", True),
        WarehouseColumn("rule_version", "integer", "the version of the rule that credits", True),
        _AS_OF,
    ),
)
SENDS: Final = WarehouseTable(
    "sends",
    "what one arm of a campaign's mails of the day came to within 7 days",
    ("campaign", "arm"),
    (
        WarehouseColumn("campaign", "text", "our name of the campaign", True),
        WarehouseColumn("arm", "text", "of the experiment; null without one"),
        WarehouseColumn("mailed", "integer", "mails that went out", True),
        WarehouseColumn("members", "integer", "members that they went to", True),
        WarehouseColumn("clicked", "integer", "of these, people who clicked", True),
        WarehouseColumn("clicks", "integer", "clicks by people", True),
        WarehouseColumn(
            "scanners_flagged", "integer", "clicks taken for scanners' because Braze says so", True
        ),
        WarehouseColumn("scanners_burst", "integer", "... because they came in a burst", True),
        WarehouseColumn("scanners_too_soon", "integer", "... because they came too soon", True),
        WarehouseColumn("applied", "integer", "members with an application credited to these mails", True),
        WarehouseColumn("applications_clicked", "integer", "such applications on the ground `clicked`", True),
        WarehouseColumn("applications_seen", "integer", "... `seen`", True),
        WarehouseColumn("applications_drawn", "integer", "... `drawn`", True),
        *_EVENTS,
        _AS_OF,
    ),
)
RESULTS: Final = WarehouseTable(
    "results",
    "an arm of an experiment as counted last; its day is that of the experiment's start",
    ("experiment", "arm"),
    (
        WarehouseColumn("experiment", "text", "its name", True),
        WarehouseColumn("campaign", "text", "our name of the campaign", True),
        WarehouseColumn("state", "text", "running or stopped", True),
        WarehouseColumn("arm", "text", "the arm", True),
        WarehouseColumn("is_control", "boolean", "whether the others are held against it", True),
        WarehouseColumn("share", "number", "what it was given of the members", True),
        WarehouseColumn("recipe", "text", "how its lists are made; null: as usual"),
        WarehouseColumn(
            "members", "integer", "members mailed at least once, whatever became of the mail", True
        ),
        WarehouseColumn("clicked", "integer", "people who clicked", True),
        WarehouseColumn("applied", "integer", "members with a credited application", True),
        WarehouseColumn("applications", "integer", "credited applications", True),
        WarehouseColumn("applied_anyway", "integer", "members with any application, credited or not", True),
        *_EVENTS,
        WarehouseColumn("crossed", "integer", "members of the experiment who were met in two arms", True),
        WarehouseColumn("started_at", "instant", "when it began", True),
        WarehouseColumn("planned_end", "instant", "when it is to end"),
        WarehouseColumn("stopped_at", "instant", "when it was stopped"),
        WarehouseColumn("counted_until", "instant", "what happened until then is counted", True),
        _AS_OF,
    ),
)
TABLES: Final = (EXPOSURES, CLICKS, OUTCOMES, SENDS, RESULTS)
