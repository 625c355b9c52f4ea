"""A sync file is read whole, or refused with one sentence that names what does not fit."""

from __future__ import annotations

import pytest

from app.braze.rest.workspace import read_options
from app.sync.definition import SyncError, read_definition

GOOD = 'destination = "braze"\nquery = "SELECT 1"\n[braze]\nhost = "https://rest.kr-01.braze.com"\n'


def test_what_a_file_leaves_out_has_its_default() -> None:
    read = read_definition(GOOD.encode(), stem="attributes")
    assert (read.name, read.kind, read.null, read.member, read.limits.share) == (
        "attributes",
        "attributes",
        "skip",
        "member_id",
        0.3,
    )
    assert read_options(read).host == "https://rest.kr-01.braze.com"


@pytest.mark.parametrize(
    "host",
    ["HTTPS://REST.KR-01.BRAZE.COM", "https://rest.kr-01.braze.com:443/", "https://rest.kr-01.braze.com."],
)
def test_one_host_is_one_destination_however_it_is_written(host: str) -> None:
    read = read_options(
        read_definition(GOOD.replace("https://rest.kr-01.braze.com", host).encode(), stem="a")
    )
    assert read.host == "https://rest.kr-01.braze.com"


def test_a_file_that_an_editor_of_windows_saved_is_read_as_any_other() -> None:
    content = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert read_definition(content, stem="a").query == "SELECT 1"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('destination = "braze"\n[braze]\nhost = "https://a"\nquery = "x"\n', "The sync file: `query` stands under [braze]: put it above"),
        (GOOD + '[limits]\nnull = "skip"\n', "The sync file: `null` stands under [limits]: put it above"),
        ('kind = "events"\nevent = "e"\nkey = "member_id"\n' + GOOD, "The sync file: `member`, `key` and `time` are three columns, and two of them are 'member_id': name"),
        ("\xff", "The sync file is no text in UTF-8: save it as UTF-8."),
        ("a =", "The sync file is no TOML: Invalid value (at end of document)."),
        ("query = 'x'", "The sync file lacks `destination`."),
        (GOOD.replace('braze"', 'mars"', 1), 'The sync file: `destination` does not fit: give "braze", "amplitude" or "airbridge".'),
        ("colour = 1\n" + GOOD, "The sync file has no field `colour`: known are "),
        ('null = "drop"\n' + GOOD, 'The sync file: `null` does not fit: give "skip" or "remove".'),
        ('kind = "events"\n' + GOOD, "The sync file sends events and lacks `event`, their name."),
        (GOOD + "[limits]\nshare = 0\n", "The sync file's [limits]: `share` does not fit: give a number above 0 and at most 1"),
        (GOOD + "[limits]\nobjects = true\n", "The sync file's [limits]: `objects` does not fit: give a whole number from 1 to 2000."),
        ("limits = 3\n" + GOOD, "The sync file's [limits] must be a table."),
        (GOOD.replace("https://rest", "rest"), "The sync file's [braze]: `host` does not fit: give the REST address"),
        (GOOD.replace(".com", ".com/users/track"), "The sync file's [braze]: `host` does not fit: give the REST address"),
        (GOOD + "[amplitude]\nproject = 'x'\n", "The sync file sends to braze, but has a table [amplitude]: remove it."),
        (GOOD + "workspace = 'a b'\n", "The sync file's [braze]: `workspace` does not fit: give a name of up to 60 letters"),
        (GOOD.partition("[braze]")[0], "The sync file's [braze] lacks `host`."),
        ('kind = "catalog"\n' + GOOD, "The sync file's [braze]: `catalog` is given with kind = \"catalog\", and only with it."),
        (GOOD + 'catalog = "a/b"\n', "The sync file's [braze]: `catalog` does not fit: give a catalog's name"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SyncError) as refused:
        read_options(read_definition(text.encode("latin-1"), stem="a"))
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)
