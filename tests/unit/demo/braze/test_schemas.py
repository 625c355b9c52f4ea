"""The double's schemas have as many fields as Braze's published samples."""

from __future__ import annotations

import pytest
from fastavro import parse_schema

from app.demo.braze.schemas import EMAIL, USER_DELETE_REQUEST, VERSIONS, has_event, schema

# Fields of each e-mail event in version 10, counted in the samples of github.com/Appboy/currents-examples.
FIELDS = {
    "Send": 22, "Delivery": 23, "Open": 30, "Click": 34, "Bounce": 25, "SoftBounce": 24, "Deferral": 27,
    "MarkAsSpam": 23, "Unsubscribe": 20, "Abort": 24, "Retry": 27,
}  # fmt: skip


@pytest.mark.parametrize(("event", "count"), FIELDS.items())
def test_each_event_has_the_fields_of_the_samples(event: str, count: int) -> None:
    assert len(schema(EMAIL + event, 10)["fields"]) == count


def test_every_schema_is_one_to_avro() -> None:
    for version in VERSIONS:
        for event in FIELDS:
            assert parse_schema(schema(EMAIL + event, version))


def test_version_12_adds_the_time_of_the_send_and_what_an_abort_would_have_carried() -> None:
    def added(event: str) -> set[str]:
        of = [{field["name"] for field in schema(EMAIL + event, version)["fields"]} for version in (10, 12)]
        return of[1] - of[0]

    assert added("Click") == {"send_time", "has_url_parameters", "link_aliasing_enabled"}
    assert added("Abort") == {"message_extras"}
    assert added("Send") == set()


def test_what_a_version_lacks_is_refused() -> None:
    assert not has_event(USER_DELETE_REQUEST, 9)
    with pytest.raises(ValueError, match="in version 9"):
        schema(USER_DELETE_REQUEST, 9)
