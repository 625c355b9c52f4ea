"""The demo starts a planner beside the service, says where, and lets its operator in."""

from __future__ import annotations

import base64
import json
import re
import signal
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.integration.test_embedded import demo, folder, port, processes_naming, read_until, wait_until

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["folder", "port"]


def asked(url: str, credential: str) -> Any:
    token = base64.b64encode(credential.encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})  # noqa: S310 - the demo's
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - same
        return json.loads(answer.read())


def test_the_demos_planner_knows_its_operator_and_the_service_beside_it(
    folder: Path,
    port: int,
) -> None:
    with demo(folder, port) as process:
        printed = read_until(process, "Ctrl-C stops")
        (url,) = re.findall(r"^The planner says .*: +(http://127\.0\.0\.1:\d+)/$", printed, re.MULTILINE)
        (name,) = re.findall(r"^ +name: +(.*)$", printed, re.MULTILINE)
        (secret,) = re.findall(r"^ +secret: +(.*)$", printed, re.MULTILINE)
        kept = folder / f"demo-{port}" / "operator-credential"
        assert kept.read_text() == f"{name}:{secret}\n"
        assert kept.stat().st_mode & 0o077 == 0
        assert asked(f"{url}/v1/capacity/workspace", f"{name}:{secret}")["definition"] == {
            "time_zone": "Asia/Seoul"
        }
        found = asked(f"{url}/v1/capacity/campaigns", f"{name}:{secret}")["campaigns"]
        assert [one["owner"] for one in found] == ["demo"] * 6
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        wait_until(lambda: not processes_naming(str(folder)))
