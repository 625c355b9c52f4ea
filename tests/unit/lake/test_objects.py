"""A bucket or a folder behind three functions; S3 is moto's, over plain http."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from app.lake.objects import LakeError, open_lake
from tests.s3 import s3_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "mail-events"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """The environment of an S3 with one bucket."""
    with s3_with(BUCKET) as environment:
        yield environment


@pytest.fixture
def configured(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["s3", "folder"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path)
    request.getfixturevalue("configured")
    return f"s3://{BUCKET}/a/prefix"


def test_what_is_written_is_listed_from_where_one_left_off_and_read(where: str) -> None:
    lake = open_lake(where)
    base = f"{lake.prefix}/" if lake.prefix else ""
    for name in ("t/date=1/x.avro", "t/date=2/x.avro", "t/date=2/y.avro", "t/date=3/z.avro"):
        lake.write(base + name, name.encode() * 1000)
    assert lake.folders(base + "t")[0] == [f"{base}t/date={n}" for n in (1, 2, 3)]
    found = sorted(lake.newer(base + "t", f"{base}t/date=2/x.avro"), key=lambda one: one.key)
    assert [one.key for one in found] == [f"{base}t/date=2/y.avro", f"{base}t/date=3/z.avro"]
    file = lake.read(found[0])
    assert file.read(5) == b"t/dat"
    assert file.read() == (b"t/date=2/y.avro" * 1000)[5:]
    before = found[0].etag
    lake.write(found[0].key, b"other")
    (after,) = [one for one in lake.newer(base + "t") if one.key == found[0].key]
    assert after.etag != before
    assert after.size == 5


def test_a_file_is_put_whole_and_what_is_deleted_is_gone(where: str, tmp_path: Path) -> None:
    lake = open_lake(where)
    base = f"{lake.prefix}/" if lake.prefix else ""
    large = tmp_path.parent / f"{tmp_path.name}-large"
    large.write_bytes(bytes(12_000_000))  # in three parts
    with large.open("rb") as file:
        lake.write_file(f"{base}files/x", file)
    assert [one.size for one in lake.newer(base + "files")] == [12_000_000]
    lake.delete([f"{base}files/x", f"{base}files/never-there"])
    assert list(lake.newer(base + "files")) == []


def test_what_a_killed_write_left_in_a_folder_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("x.csv", "x.csv#1", "y.csv#23"):
        (tmp_path / "a" / "b" / name).write_text("m-1")
    open_lake(str(tmp_path)).sweep("a")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["x.csv"]


@pytest.mark.usefixtures("configured")
def test_a_bucket_that_is_not_there_is_one_sentence_without_secrets() -> None:
    with pytest.raises(LakeError) as caught:
        list(open_lake("s3://nowhere/prefix").newer(""))
    assert str(caught.value).startswith("s3://nowhere ")
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("configured")
def test_a_bucket_that_refuses_says_which_rights_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = _refuse  # noqa: N815 - http.server's names

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        for use in (lambda lake: list(lake.newer("")), lambda lake: lake.write_file("x", io.BytesIO(b"x"))):
            with pytest.raises(
                LakeError, match=r"it refuses these credentials: .* an export to delete too\.$"
            ):
                use(open_lake("s3://mail-events/prefix"))
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("configured")
def test_nobody_at_the_endpoint_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("app.lake.objects._RETRIES", 0)
    with pytest.raises(LakeError, match=r"^s3://mail-events cannot be used: .*\.$"):
        list(open_lake("s3://mail-events/prefix").newer("prefix"))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://host/x", "ftp:// is not read: give s3://BUCKET/PREFIX, gs://, az:// or a folder."),
        ("s3://", "A bucket is given as s3://BUCKET/PREFIX, with credentials in the environment and not in the URL."),
        ("s3://key:secret@bucket/x", "A bucket is given as s3://BUCKET/PREFIX, with credentials in the environment and not in the URL."),
        ("/nowhere/at/all", "There is no folder /nowhere/at/all: give one, or s3://BUCKET/PREFIX, gs:// or az://."),
    ],
)  # fmt: skip
def test_what_is_no_bucket_or_folder_says_so(url: str, sentence: str) -> None:
    with pytest.raises(LakeError) as caught:
        open_lake(url)
    assert str(caught.value) == sentence


def test_the_stores_of_google_and_azure_are_opened_by_their_own_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "aHVzaA==")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    assert (open_lake("gs://bucket/a/b").url, open_lake("gs://bucket/a/b").prefix) == ("gs://bucket", "a/b")
    lake = open_lake("az://container/a/b")
    assert (lake.url, lake.prefix) == ("az://container", "a/b")
