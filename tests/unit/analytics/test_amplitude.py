"""What Amplitude is sent of an event and of a member, what its answers mean, and what a sync file to it may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.analytics.amplitude.upload import AmplitudeEvents, insert_id, open_amplitude, read_options
from app.runtime.outgoing import HttpAnswer
from app.sync.definition import SyncError, read_definition
from app.sync.delta import ChangedRow
from app.sync.door import OutboxEvent
from app.sync.values import SourceColumn

KEY = "the-secret-key"
BASE = 'destination = "amplitude"\nquery = "SELECT 1"\n'
EVENTS = 'kind = "events"\nevent = "Job Applied From Mail"\n' + BASE
SESSION = EVENTS + '[amplitude]\nsession = "logged_in_at"\n'


def opened(text: str, key: str | None = KEY) -> Any:
    return open_amplitude(read_definition(text.encode(), stem="a"), key=key, private=False)


def sent(door: Any, one: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The body of the request with one object."""
    bodies: list[bytes] = []

    def exchange(_self: object, method: str, path: str, body: bytes, *, headers: object) -> HttpAnswer:
        assert (method, path, headers) == ("POST", "/batch", None)
        bodies.append(body)
        return HttpAnswer(200)

    monkeypatch.setattr("app.runtime.outgoing.OutgoingClient.exchange", exchange)
    door.send([one])
    return json.loads(bodies[0])


def event(**properties: Any) -> OutboxEvent:
    return OutboxEvent("m-1/p-1", "m-1", "2026-11-20T09:12:00.123456+09:00", properties, 2)


def test_an_event_has_its_time_in_milliseconds_its_insert_id_and_no_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = sent(opened(EVENTS), event(posting_id="p-1"), monkeypatch)
    assert body == {
        "api_key": KEY,
        "options": {"min_id_length": 1},
        "events": [
            {
                "user_id": "m-1",
                "event_type": "Job Applied From Mail",
                "time": 1_795_133_520_123,
                "insert_id": insert_id("Job Applied From Mail", "m-1/p-1"),
                "session_id": -1,
                "event_properties": {"posting_id": "p-1", "cj_key": "m-1/p-1", "cj_attempt": 2},
            }
        ],
    }


def test_a_session_is_the_moment_that_its_column_gives_and_no_property(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = sent(opened(SESSION), event(logged_in_at="2026-11-20T00:00:00+00:00"), monkeypatch)
    (found,) = body["events"]
    assert found["session_id"] == 1_795_132_800_000
    assert set(found["event_properties"]) == {"cj_key", "cj_attempt"}


def test_properties_go_by_operations_that_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ChangedRow("m-1", {"cj_field": "IT", "cj_region": None}, {}, b"")
    (found,) = sent(opened(BASE), row, monkeypatch)["events"]
    assert found == {
        "user_id": "m-1",
        "event_type": "$identify",
        "user_properties": {"$set": {"cj_field": "IT"}, "$unset": {"cj_region": "-"}},
    }


def test_insert_ids_are_the_same_for_one_event_and_differ_by_name_and_key() -> None:
    assert insert_id("a", "k") == insert_id("a", "k")
    assert len({insert_id("a", "k"), insert_id("b", "k"), insert_id("a", "kk"), insert_id("ak", "")}) == 4


@pytest.mark.parametrize(
    ("status", "body", "meaning", "refused", "sentence"),
    [
        (200, {"code": 200, "events_ingested": 3}, "taken", {}, ""),
        (400, {"error": "Invalid API key: the-secret-key"}, "stop", {}, "Amplitude does not know the key: see CJ_AMPLITUDE_KEY, and whether the host is that of your project."),
        (400, {"error": "Bad x", "events_with_invalid_fields": {"time": [0, 2]}, "events_with_missing_fields": {"event_type": [1]}}, "divide",
         {0: "Amplitude does not take its field time.", 1: "Amplitude misses its field event_type.", 2: "Amplitude does not take its field time."}, "Amplitude refuses it: Bad x."),
        (400, {"error": "x", "events_with_invalid_id_lengths": {"user_id": [1]}}, "divide", {1: "Amplitude does not take the length of its field user_id."}, "Amplitude refuses it: x."),
        (400, {"error": "Events silenced for device_id", "silenced_events": [1], "throttled_events": [0]}, "divide",
         {1: "Amplitude has silenced this member's device: its project blocks or filters it."}, "Amplitude refuses it: Events silenced for device_id."),
        (400, {"error": "odd\nthe-secret-key", "events_with_invalid_fields": 3}, "divide", {}, "Amplitude refuses it: odd …."),
        (400, {"missing_field": "events"}, "divide", {}, "Amplitude refuses it: events is missing."),
        (413, {"error": "Payload too large"}, "divide", {}, "Amplitude refuses it: Payload too large."),
        (429, {"throttled_users": {"m": 4000}, "throttled_events": [1]}, "slower", {}, "Amplitude answers 429: too many requests."),
        (429, {"exceeded_daily_quota_users": {"m": 500_200}, "throttled_events": [1]}, "divide", {1: "QUOTA"}, "QUOTA"),
        (429, {"exceeded_daily_quota_users": {"m": 500_200}, "throttled_users": {"n": 4000}, "throttled_events": [0, 1]}, "divide", {}, "QUOTA"),
        (500, None, "unknown", {}, "Amplitude answers 500."),
        (504, None, "unknown", {}, "Amplitude answers 504."),
        (503, None, "not_sent", {}, "Amplitude answers 503."),
        (404, None, "stop", {}, "Amplitude does not know this address: see the host and the names in the sync file."),
    ],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
def test_an_answer_means(
    status: int, body: Any, meaning: str, refused: dict[int, str], sentence: str
) -> None:
    quota = (
        "Amplitude has had 500,000 events of this member today and takes no more: see what sends them, "
        "and run with --again tomorrow."
    )
    answer = HttpAnswer(status, {}, b"no JSON" if body is None else json.dumps(body).encode())
    fate = opened(EVENTS).fate(answer)
    told = {at: why.replace(quota, "QUOTA") for at, why in fate.refused.items()}
    assert (fate.meaning, told, fate.sentence.replace(quota, "QUOTA")) == (meaning, refused, sentence)


def test_a_throttled_member_is_waited_for_as_the_pages_say(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [HttpAnswer(429), HttpAnswer(429, {"retry-after": "3"}), HttpAnswer(200)]
    monkeypatch.setattr("app.runtime.outgoing.OutgoingClient.exchange", lambda *_, **_headers: answers.pop(0))
    waits = [opened(EVENTS).send([event()]).headers.get("retry-after") for _ in range(3)]
    assert waits == ["30", "3", None]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BASE + "[amplitude]\nhost = 'api2.amplitude.com'\n", "The sync file's [amplitude]: `host` does not fit: give https://api2.amplitude.com, or "),
        (BASE + "[amplitude]\nhost = 'https://api2.amplitude.com/batch'\n", "The sync file's [amplitude]: `host` does not fit: give https://api2.amplitude.com, or "),
        (BASE + "[amplitude]\nproject = 'a b'\n", "The sync file's [amplitude]: `project` does not fit: give a name of up to 60 letters"),
        (BASE + "[amplitude]\nmin_id_length = 0\n", "The sync file's [amplitude]: `min_id_length` does not fit: give a whole number from 1 to 1024."),
        (BASE + "[amplitude]\napi_key = 'x'\n", "The sync file's [amplitude] has no field `api_key`: known are "),
        (BASE + "[amplitude]\nsession = 'x'\n", "The sync file's [amplitude]: `session` is given with kind = \"events\" only."),
        ('kind = "catalog"\n' + BASE, 'Amplitude has no catalogs: give kind = "events" or "attributes".'),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SyncError) as refused:
        read_options(read_definition(text.encode(), stem="a"))
    assert str(refused.value).startswith(sentence)


def test_a_session_must_be_a_column_of_instants() -> None:
    door: AmplitudeEvents = opened(SESSION)
    with pytest.raises(SyncError, match=r"^The query has no column 'logged_in_at', which `session` under "):
        door.check_columns([SourceColumn("posting_id", "text", "text")])
    with pytest.raises(SyncError, match=r"^The column 'logged_in_at' is of type date: a session begins at"):
        door.check_columns([SourceColumn("logged_in_at", "date", "date")])
    door.check_columns([SourceColumn("logged_in_at", "instant", "timestamptz")])
    assert door.problem("m-1", {"logged_in_at": "1969-01-01T00:00:00+00:00"}) == (
        "The session's beginning 1969-01-01T00:00:00+00:00 is no instant since 1970: give NULL where there is no session."
    )


def test_the_key_is_in_no_representation() -> None:
    assert KEY not in repr(opened(EVENTS)) + repr(opened(BASE))
