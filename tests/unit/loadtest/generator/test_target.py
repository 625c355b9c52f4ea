"""Whom to call and as whom; every refusal is one sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import LoadtestError
from loadtest.generator import target
from loadtest.generator.options import allowed_hosts
from loadtest.generator.target import Origin, Traffic

MEMBERS = tuple(f"m{number}" for number in range(1000))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:8000", Origin("http", "127.0.0.1", 8000)),
        ("http://localhost", Origin("http", "localhost", 80)),
        ("http://127.8.9.1:1/", Origin("http", "127.8.9.1", 1)),
        ("http://[::1]:8000", Origin("http", "::1", 8000)),
        ("https://cc.staging.example", Origin("https", "cc.staging.example", 443)),
    ],
)
def test_this_machine_and_allowed_hosts_may_be_loaded(url: str, origin: Origin) -> None:
    allowed = allowed_hosts((), environ={"LOADTEST_ALLOW_HOSTS": "other.example, cc.staging.example"})
    assert target.allowed_origin(url, allowed=allowed) == origin


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (None, "No host was given: say which service to load with --host http://127.0.0.1:8000."),
        (
            "http://cc.example.com",
            (
                "The host cc.example.com is neither this machine nor allowed, and a load test of the wrong host is "
                "an outage: repeat its name in --allow-host cc.example.com or in LOADTEST_ALLOW_HOSTS."
            ),
        ),
        (
            "localhost:8000",
            "The host 'localhost:8000' is not an address: write it like http://127.0.0.1:8000",
        ),
        ("http://127.0.0.1:99999", "The host 'http://127.0.0.1:99999' is not an address"),
        ("ftp://127.0.0.1", "The host 'ftp://127.0.0.1' is not an address"),
        ("http://127.0.0.1:8000/v1", "The host 'http://127.0.0.1:8000/v1' is not an address"),
        ("http://me:secret@127.0.0.1:8000", "The host"),
        (
            "http://127.0.0.1.example.com",
            "The host 127.0.0.1.example.com is neither this machine nor allowed",
        ),
        ("http://10.0.0.1", "The host 10.0.0.1 is neither this machine nor allowed"),
    ],
)
def test_other_hosts_are_refused(url: str | None, sentence: str) -> None:
    with pytest.raises(LoadtestError) as refused:
        target.allowed_origin(url)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "The member file {path} cannot be read (No such file or directory): write one with "),
        (
            b"",
            "The member file {path} is empty: write one with `connected-jobs members export`, one member id a line.",
        ),
        (b"\n \n", "The member file {path} is empty"),
        (b"\xff\xfe", "The member file {path} is not UTF-8 text"),
    ],
)
def test_a_member_file_without_members_is_refused(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "members.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LoadtestError) as refused:
        target.read_members(path, seed=1)
    assert str(refused.value).startswith(sentence.format(path=path))


@pytest.mark.parametrize("content", ["secret", ":secret", "a:b\nc:d"])
def test_a_credential_file_must_hold_one_credential(tmp_path: Path, content: str) -> None:
    path = tmp_path / "credential"
    path.write_text(content)
    with pytest.raises(LoadtestError) as refused:
        target.read_authorization(path)
    assert str(refused.value) == (
        f"The credential file {path} is not one line of `name:secret`: write one line `name:secret` into it, "
        "as it is stored in Braze."
    )


def test_a_missing_credential_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadtestError) as refused:
        target.read_authorization(tmp_path / "none")
    assert str(refused.value) == (
        f"The credential file {tmp_path / 'none'} cannot be read (No such file or directory): write one line "
        "`name:secret` into it, as it is stored in Braze."
    )


def test_a_file_that_was_not_named_is_asked_for() -> None:
    with pytest.raises(LoadtestError) as refused:
        target.read_members(Path(), seed=1)
    assert str(refused.value) == (
        "No member file was given: write one with `connected-jobs members export`, one member id a line."
    )


def test_a_credential_becomes_a_basic_header_and_may_hold_colons(tmp_path: Path) -> None:
    path = tmp_path / "credential"
    path.write_text("braze:a:비밀\n", encoding="utf-8")
    assert target.read_authorization(path) == "Basic YnJhemU6YTrruYTrsIA="


def test_the_seed_decides_the_order_of_members(tmp_path: Path) -> None:
    path = tmp_path / "members.txt"
    path.write_text("\n".join(MEMBERS))
    assert target.read_members(path, seed=3) == target.read_members(path, seed=3)
    assert target.read_members(path, seed=3) != target.read_members(path, seed=4)
    assert set(target.read_members(path, seed=3)) == set(MEMBERS)


def test_messages_go_to_distinct_members_until_the_file_is_used_up() -> None:
    asked = [target.message(number, members=MEMBERS, traffic=Traffic()).member for number in range(1001)]
    assert sorted(asked[:1000]) == sorted(MEMBERS)
    assert asked[1000] == asked[0]


@given(st.floats(0, 0.4), st.floats(0, 0.4))
def test_previews_and_unknown_members_have_their_shares(preview: float, unknown: float) -> None:
    traffic = Traffic(preview_share=preview, unknown_share=unknown, passes=2)
    messages = [target.message(number, members=MEMBERS, traffic=traffic) for number in range(1000)]
    previews = [message for message in messages if message.calls == 3]
    nobody = [message for message in messages if message.member.startswith("nobody-")]
    assert len(previews) == pytest.approx(1000 * preview, abs=3)
    assert len(nobody) == pytest.approx(1000 * unknown, abs=3)
    assert {message.member for message in previews} <= set(MEMBERS[:5])
    assert sum(message.calls for message in messages) == pytest.approx(
        1000 * traffic.calls_per_message, abs=10
    )


def test_the_address_is_the_templates_and_escapes_the_member() -> None:
    path = target.path("a/b 한", send="s1", traffic=Traffic())
    assert path == "/v1/members/a%2Fb%20%ED%95%9C/recommendations?campaign=loadtest&limit=10&lang=ko&send=s1"


@pytest.mark.parametrize(
    "wrong", [{"passes": 0}, {"passes": 4}, {"unknown_share": 1.5}, {"preview_share": -0.1}]
)
def test_traffic_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(LoadtestError):
        Traffic(**wrong)  # type: ignore[arg-type]  # one field of several types
