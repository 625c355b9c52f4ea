"""The first steps of a marketer's path on a real demo, with a real load test of it, in a real browser: `make path`.

The load test is the command's own with short steps, so its ceiling is a rough one. `test_path.py` goes on from there, with
evidence that is only written down.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.browser.windows import needs_a_browser, opened
from tests.integration.running_demo import ROOT, free_port, in_a_terminal, quick_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

SHORT = {
    "start-rps": 100, "step-s": 2, "soak-s": 8, "longest-soak-s": 12, "open-soak-s": 30, "overload-s": 0,
    "precision": 0.3, "search-s": 30, "limit-s": 120,
}  # fmt: skip
SAYS = {
    "unmeasured": {"ko": "아직 부하 테스트 결과가 없습니다.", "en": "Nothing has been measured yet."},
}

pytestmark = [needs_a_browser, pytest.mark.slow]


@dataclass(frozen=True)
class LoadedDemo:
    """A demo that runs and was load tested: where its planner is, who signs in, and what was found."""

    address: str
    name: str
    secret: str
    kind: str


@pytest.fixture(scope="module")
def tested(browser: Browser) -> Iterator[LoadedDemo]:
    """The first look at a fresh demo, then the load test that it asks for."""
    port = free_port()
    start = ("demo", "--port", str(port), "--members", "3000", "--postings", "500", "--mails", "0")
    with (
        quick_place() as folder,
        in_a_terminal(ROOT / ".venv/bin/connected-jobs", *start, folder=folder) as demo,
    ):
        shown = demo.read_until("Ctrl-C stops", 300.0)
        told = re.search(r"(http://127.0.0.1:\d+)/\s+name: +(\S+)\s+secret: +(\S+)", shown)
        assert told, shown
        address, name, secret = told.groups()
        for language in ("ko", "en"):
            with opened(browser, address, None, language=language) as window:
                window.open("/")
                window.page.fill("[name=name]", name)
                window.page.fill("[name=secret]", secret)
                window.page.click("main button")
                assert SAYS["unmeasured"][language] in window.page.locator(".measure").inner_text()
                assert window.page.locator("#measure").inner_text() == f"make loadtest DEMO={port}"
                window.hold_to(f"real-1-first-{language}")
        yield LoadedDemo(address, name, secret, _load_tested(port, folder))
        assert demo.press_ctrl_c() == 0


def _load_tested(port: int, folder: Path) -> str:
    """Run what `make loadtest DEMO=PORT` runs, in short; the kind of its result."""
    out = folder / "evidence.json"
    options = [word for option, value in SHORT.items() for word in (f"--{option}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.local", "--demo", str(port), "--out", str(out), *options],
        cwd=ROOT,
        env={**os.environ, "CJ_DATA_DIR": str(folder), "DATABASE_URL": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    return str(json.loads(out.read_text(encoding="utf-8"))["verdict"]["kind"])


@pytest.mark.parametrize(("language", "width"), [("ko", "desktop"), ("en", "phone")])
def test_after_the_load_test_of_a_fresh_demo_the_week_shows_who_collides_and_the_test_is_kept(
    browser: Browser, tested: LoadedDemo, language: str, width: str
) -> None:
    """So on a busy machine, too, where the load test finds a lower bound."""
    assert tested.kind in {"ceiling", "at_least"}
    with opened(browser, tested.address, None, language=language, width=width) as window:
        page = window.page
        window.open("/")
        page.fill("[name=name]", tested.name)
        page.fill("[name=secret]", tested.secret)
        page.click("main button")
        page.wait_for_selector(".week .clash")
        assert page.locator(".week .clash").count() == 2
        assert page.locator(".measure").count() == 0
        window.hold_to(f"real-2-home-{language}")
        window.open("/evidence")
        assert page.locator("main tbody tr").first.locator("a").count() == 1
        window.hold_to(f"real-3-load-test-{language}")
