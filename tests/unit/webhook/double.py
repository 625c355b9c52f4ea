"""A channel's webhook on loopback that holds senders to what Slack and Teams document, and fails when told to."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Channel:
    """What was posted, and what is answered: `faults` first, in turn (a status, or "cut" for a dead connection).

    `on_call` is called when a post is there and not answered yet.
    """

    def __init__(self, faults: Sequence[int | str] = (), retry_after: str | None = None) -> None:
        self.faults = list(faults)
        self.retry_after = retry_after
        self.calls = 0
        self.taken: list[dict[str, Any]] = []
        self.url = ""
        self.on_call: Callable[[], None] = lambda: None

    def answer(self, content_type: str, body: bytes) -> tuple[int, bytes]:
        """Answer one post."""
        self.calls += 1
        self.on_call()
        if self.faults:
            fault = self.faults.pop(0)
            return (0, b"") if fault == "cut" else (int(fault), b"later")
        wrong = _wrong(content_type, body)
        if wrong:
            return 400, wrong.encode()
        self.taken.append(json.loads(body))
        return (202, b"") if "attachments" in self.taken[-1] else (200, b"ok")

    def texts(self) -> list[str]:
        """Every text of the last message, its title first."""
        last = self.taken[-1]
        if "attachments" in last:
            blocks = last["attachments"][0]["content"]["body"]
            return [run["text"] for block in blocks for run in block["inlines"]]
        return [block["text"]["text"] for block in last["blocks"]]


def _wrong(content_type: str, body: bytes) -> str:
    if content_type.partition(";")[0] != "application/json":
        return "invalid_payload"
    try:
        message = json.loads(body)
    except ValueError:
        return "invalid_payload"
    if message.get("type") == "message":
        return "" if _is_card(message) and len(body) <= 28 * 1024 else "Bad card"
    return "" if _is_slack(message) else "invalid_blocks"


def _is_card(message: dict[str, Any]) -> bool:
    (attachment,) = message["attachments"]
    card = attachment["content"]
    texts = [run["text"] for block in card["body"] for run in block["inlines"]]
    return (
        attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        and (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
        and all(block["type"] == "RichTextBlock" for block in card["body"])
        and all(texts)
    )


def _is_slack(message: dict[str, Any]) -> bool:
    blocks = message["blocks"]
    limits = {"header": 150, "section": 3_000}
    return (
        0 < len(message["text"]) <= 40_000
        and "<" not in message["text"]
        and 0 < len(blocks) <= 50
        and all(0 < len(block["text"]["text"]) <= limits[block["type"]] for block in blocks)
        and all(block["text"]["type"] == "plain_text" for block in blocks)
    )


@contextmanager
def channel(faults: Sequence[int | str] = (), retry_after: str | None = None) -> Iterator[Channel]:
    """A running one."""
    told = Channel(faults, retry_after)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, said = told.answer(self.headers["Content-Type"], body)
            if not status:
                self.connection.close()
                return
            self.send_response(status)
            if told.retry_after and status == 429:
                self.send_header("Retry-After", told.retry_after)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a cut connection is meant
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/services/T0/B0/secret-of-the-channel"
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
