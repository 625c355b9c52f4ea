"""Each destination has its door and its key; what only Braze has is refused for the others in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from app.analytics.amplitude.upload import AmplitudeEvents, AmplitudeProperties
from app.braze.rest.track import BrazeAttributes
from app.cli.database import CommandError
from app.cli.loop.doors import _OPENERS, open_door
from app.cli.loop.syncs import sync
from app.cli.members import members
from app.settings import Settings
from app.sync.definition import DESTINATIONS, SyncError, read_definition

if TYPE_CHECKING:
    from pathlib import Path

BRAZE = '{}destination = "braze"\nquery = "SELECT 1"\n[braze]\nhost = "https://rest.kr-01.braze.com"\n'
AMPLITUDE = '{}destination = "amplitude"\nquery = "SELECT 1"\n'
EVENTS = 'kind = "events"\nevent = "Job Applied From Mail"\n'
SETTINGS = Settings(braze_key="of-braze", amplitude_key="of-amplitude")


@pytest.mark.parametrize(
    ("text", "door", "identity"),
    [
        (BRAZE.format(""), BrazeAttributes, "braze:rest.kr-01.braze.com:main"),
        (AMPLITUDE.format(""), AmplitudeProperties, "amplitude:api2.amplitude.com:main"),
        (AMPLITUDE.format(EVENTS), AmplitudeEvents, "amplitude:api2.amplitude.com:main"),
    ],
    ids=["braze", "properties", "events"],
)
def test_a_sync_file_opens_the_door_that_it_names(text: str, door: type, identity: str) -> None:
    found = open_door(read_definition(text.encode(), stem="a"), SETTINGS)
    assert (type(found), found.identity) == (door, identity)
    assert "of-" not in repr(found)


def test_each_destination_that_a_file_may_name_has_a_door() -> None:
    assert set(_OPENERS) == set(DESTINATIONS)


@pytest.mark.parametrize("text", [BRAZE, AMPLITUDE], ids=["braze", "amplitude"])
def test_a_key_that_is_not_set_is_named(text: str) -> None:
    definition = read_definition(text.format("").encode(), stem="a")
    with pytest.raises(SyncError, match=rf"^CJ_{definition.destination.upper()}_KEY is not set: give "):
        open_door(definition, Settings())


def test_what_only_amplitude_has_is_refused_for_the_others(tmp_path: Path) -> None:
    file = tmp_path / "attributes.toml"
    file.write_text(BRAZE.format(""), encoding="utf-8")
    told = CliRunner().invoke(members, ["erase", "m-1", "--in-amplitude", str(file)])
    assert str(told.exception) == (
        "The sync 'attributes' goes to braze: --in-amplitude wants a sync file to Amplitude."
    )


@pytest.mark.parametrize(
    ("command", "words", "sentence"),
    [
        (sync, ["export", "FILE", "out"], "files for Cloud Data Ingestion are written of a sync file to Braze."),
        (members, ["erase", "m-1", "--in-braze", "FILE"], "--in-braze wants a sync file to Braze."),
    ],
    ids=["export", "erase"],
)  # fmt: skip
def test_what_only_braze_has_is_refused_before_anything_is_done(
    tmp_path: Path, command: object, words: list[str], sentence: str
) -> None:
    file = tmp_path / "properties.toml"
    file.write_text(AMPLITUDE.format(""), encoding="utf-8")
    told = CliRunner().invoke(command, [str(file) if one == "FILE" else one for one in words])  # type: ignore[arg-type]
    assert isinstance(told.exception, CommandError)
    assert str(told.exception) == f"The sync 'properties' goes to amplitude: {sentence}"
    assert list(tmp_path.iterdir()) == [file]
