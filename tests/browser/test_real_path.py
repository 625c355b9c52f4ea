"""A marketer's path through a real demo, with a real load test of it, in a real browser: `make path`.

The load test is the command's own with short steps, so its ceiling is a rough one. `test_path.py` walks the same way in
seconds, with evidence that is only written down.
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
    "line": {"ko": "120만, 월요일 9시", "en": "1.2m, Monday 9:00"},
    "save": {"ko": "권장 속도로 등록", "en": "Save at the advised speed"},
    "saved": {"ko": "캠페인을 등록했습니다.", "en": "The campaign is on record."},
    "go": {"ko": "보내도 됩니다.", "en": "Yes, send it."},
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
def test_a_marketer_gets_from_a_fresh_demo_and_its_load_test_to_a_printed_report(
    browser: Browser, tested: LoadedDemo, language: str, width: str, tmp_path: Path
) -> None:
    """On a busy machine the load test finds a lower bound, which says yes to a slow speed and advises none."""
    with opened(browser, tested.address, None, language=language, width=width) as window:
        page = window.page
        window.open("/")
        page.fill("[name=name]", tested.name)
        page.fill("[name=secret]", tested.secret)
        page.click("main button")
        assert page.locator(".measure").count() == 0
        assert page.locator(".week .clash").count() == (2 if tested.kind == "ceiling" else 0)
        window.hold_to(f"real-2-home-{language}")
        window.open("/evidence")
        assert page.locator("main").inner_text().count("calls/s" if language == "en" else "건/초") > 0
        window.hold_to(f"real-3-load-test-{language}")

        window.open("/ask")
        page.fill("#say", SAYS["line"][language])
        if tested.kind == "ceiling":
            page.keyboard.press("Enter")
            page.wait_for_selector(".verdict.go_if")
        else:
            page.keyboard.press("Enter")
            page.wait_for_selector(".verdict")
            page.fill("[name=limit_per_min]", "100")
            page.keyboard.press("Enter")
            page.wait_for_selector(".verdict.go")
        assert page.locator("[name=audience]").first.input_value() == "1,200,000"
        window.hold_to(f"real-4-answer-{language}")

        page.get_by_role(
            "link", name=SAYS["save"][language] if tested.kind == "ceiling" else re.compile("등록|Save")
        ).first.click()
        page.fill("[name=name]", f"월요일 추천 {language}")
        page.fill("[name=key]", f"monday-{language}")
        page.click("form.columns button.main")
        page.wait_for_url(re.compile(r"/campaigns/\d+\?done=added$"))
        assert page.locator(".done").inner_text() == SAYS["saved"][language]
        assert SAYS["go"][language] in window.sentence()
        window.hold_to(f"real-5-report-{language}")
        sheet = tmp_path / "report.pdf"
        page.pdf(path=sheet, prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/Type\s*/Page\b", sheet.read_bytes())) == 1
