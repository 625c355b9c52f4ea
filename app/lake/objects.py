"""A bucket (`s3://`, `gs://`, `az://`) or a folder behind few functions: list what is newer, read, write, delete.

Credentials and an endpoint come from the environment alone, under the names their owners gave them: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP, GOOGLE_APPLICATION_CREDENTIALS,
AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY and so on.
"""

from __future__ import annotations

import io
import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCHEMES: Final = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE"}  # what names in the environment begin with
_YES: Final = ("1", "true", "yes")
_AT_ONCE: Final = 1000  # names of a page, which is what S3 gives
_BUFFER: Final = 8 * 1024 * 1024
_WAIT_S: Final = 30
_RETRIES = 3
_PARTS_AT_ONCE: Final = 4  # of a large file, each in memory
_UNFINISHED: Final = re.compile(r"#\d+$")  # what the store calls a file of a folder until it is whole


class LakeError(OSError):
    """A bucket or folder that cannot be used; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class LakeObject:
    """An object as a listing shows it: its key within the bucket or folder, its size in bytes, and its eTag."""

    key: str
    size: int
    etag: str


class _File(io.RawIOBase):
    """An object being read."""

    def __init__(self, url: str, reader: Any) -> None:
        self._url = url
        self._reader = reader

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        with _one_sentence(self._url):
            return bytes(self._reader.read(size) if size >= 0 else self._reader.read())


@dataclass(frozen=True, slots=True)
class Lake:
    """A bucket, or a folder, and the prefix in it that was asked for.

    `url` is the bucket's or the folder's, without the prefix.
    """

    url: str
    prefix: str
    _store: Any

    def newer(self, prefix: str, after: str = "") -> Iterator[LakeObject]:
        """Every object below a prefix whose key comes behind `after` in the order of keys.

        S3 and Google's store begin there; a folder and Azure are listed whole and sifted.

        Raises:
            LakeError: the bucket does not answer, or refuses.
        """
        import obstore  # noqa: PLC0415 - an extra's

        with _one_sentence(self.url):
            for page in obstore.list(self._store, prefix or None, offset=after or None, chunk_size=_AT_ONCE):
                for one in page:
                    yield LakeObject(one["path"], one["size"], one["e_tag"] or f"{one['last_modified']}")

    def folders(self, prefix: str) -> tuple[list[str], list[LakeObject]]:
        """The names that follow a prefix up to the next slash, as prefixes, and the objects that stand there.

        Raises:
            LakeError: the bucket does not answer, or refuses.
        """
        import obstore  # noqa: PLC0415 - an extra's

        with _one_sentence(self.url):
            found = obstore.list_with_delimiter(self._store, prefix or None)
        objects = [
            LakeObject(one["path"], one["size"], one["e_tag"] or f"{one['last_modified']}")
            for one in found["objects"]
        ]
        return sorted(found["common_prefixes"]), objects

    def read(self, one: LakeObject) -> _File:
        """An object's bytes, from its beginning; as few as are asked for are kept in memory.

        Raises:
            LakeError: it is not there, or the bucket does not answer; reads of the file raise it too.
        """
        import obstore  # noqa: PLC0415 - an extra's

        with _one_sentence(self.url):
            return _File(
                self.url,
                obstore.open_reader(
                    self._store, one.key, size=one.size, buffer_size=max(1, min(one.size, _BUFFER))
                ),
            )

    def write(self, key: str, content: bytes) -> None:
        """Put an object, whole or not at all.

        Raises:
            LakeError: the bucket does not answer, or refuses.
        """
        import obstore  # noqa: PLC0415 - an extra's

        with _one_sentence(self.url):
            obstore.put(self._store, key, content)

    def write_file(self, key: str, file: IO[bytes]) -> None:
        """Put a file's bytes, whole or not at all; a large one goes in parts.

        Raises:
            LakeError: the bucket does not answer, or refuses.
        """
        import obstore  # noqa: PLC0415 - an extra's

        with _one_sentence(self.url):
            obstore.put(self._store, key, file, max_concurrency=_PARTS_AT_ONCE)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is gone already is no fault.

        Raises:
            LakeError: the bucket does not answer, or refuses.
        """
        import obstore  # noqa: PLC0415 - an extra's

        for key in keys:
            with _one_sentence(self.url), suppress(FileNotFoundError):
                obstore.delete(self._store, key)

    def sweep(self, prefix: str) -> None:
        """Remove what writes that were killed left below a prefix of a folder; a bucket shows no such thing.

        Raises:
            LakeError: it cannot be removed.
        """
        if "://" in self.url:
            return
        with _one_sentence(self.url):
            for path in Path(self.url, prefix).rglob("*"):
                if _UNFINISHED.search(path.name) and path.is_file():
                    path.unlink(missing_ok=True)


def open_lake(url: str) -> Lake:
    """The bucket or folder of a URL or path.

    Raises:
        LakeError: it is none, or what reads it is not installed.
    """
    try:
        from obstore.store import LocalStore, from_url  # noqa: PLC0415 - an extra's
    except ImportError as error:
        raise LakeError(
            "What reads buckets and folders is not installed: install connected-jobs with its extra `loop`."
        ) from error
    scheme, separator, _ = url.partition("://")
    if not separator:
        folder = Path(url).expanduser().resolve()
        if not folder.is_dir():
            raise LakeError(f"There is no folder {folder}: give one, or s3://BUCKET/PREFIX, gs:// or az://.")
        return Lake(str(folder), "", LocalStore(folder))
    if scheme not in _SCHEMES:
        raise LakeError(f"{scheme}:// is not read: give s3://BUCKET/PREFIX, gs://, az:// or a folder.")
    parts = urlsplit(url)
    if not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
        raise LakeError(
            f"A bucket is given as {scheme}://BUCKET/PREFIX, with credentials in the environment and not in the URL."
        )
    base = f"{scheme}://{parts.netloc}"
    with _one_sentence(base):
        store = from_url(
            base,
            client_options={
                "timeout": f"{_WAIT_S}s",
                "connect_timeout": "5s",
                # Options given here replace those of the environment, this one too.
                "allow_http": os.environ.get(f"{_SCHEMES[scheme]}_ALLOW_HTTP", "").lower() in _YES,
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_WAIT_S)},
        )
    return Lake(base, parts.path.strip("/"), store)


@contextmanager
def _one_sentence(url: str) -> Iterator[None]:
    """What the store says, as one sentence without what it quotes of requests."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra's

    try:
        yield
    except LakeError:
        raise
    except FileNotFoundError as error:
        raise LakeError(f"{url} is not there, or what was listed in it is gone.") from error
    except (BaseError, OSError, ValueError) as error:
        said = " ".join(str(error).split("\n")[0].split())
        # A refused listing comes as any other failure of one, a refused object by its name.
        kind = "PermissionDeniedError" if "status code: 403" in said else type(error).__name__
        why = {
            "PermissionDeniedError": (
                "it refuses these credentials: who reads needs to list and to get, who writes to put, and an export to delete too"
            ),
            "UnauthenticatedError": "it does not know these credentials",
        }.get(kind) or said[:200]
        raise LakeError(f"{url} cannot be used: {why}.") from error
