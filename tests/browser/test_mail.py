"""The HTML mail in a real browser: phone and desktop width, light and dark."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Dialog, Page

from app.braze.calls import StoredCredential
from app.braze.preview import Rendered, preview
from tests.browser.windows import SCREENSHOTS, needs_a_browser
from tests.unit.braze.answers import TEMPLATES, answer_body, answering, posting, realistic_postings

WIDTHS_PX = (320, 375, 800)

pytestmark = needs_a_browser

Scheme = Literal["light", "dark"]

# Every visible text with its contrast against the nearest painted background, by WCAG 2.2's relative luminance.
_CONTRASTS = """
() => {
  const rgba = (value) => value.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const [a, b] = [luminance(rgba(getComputedStyle(element).color)), luminance(background(element))];
    found.push([walker.currentNode.data.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
}
"""

# The right-most pixel any element paints; wider than the window means sideways scrolling on a phone.
_OVERFLOWING = """
() => [...document.querySelectorAll('body *')]
  .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 0.5)
  .map((element) => element.tagName + ': ' + element.textContent.trim().slice(0, 40))
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """An open page showing a rendered mail."""

    page: Page
    dialogs: list[str]


def _html(postings: list[dict[str, object]], **answer: str) -> str:
    part = preview(
        (TEMPLATES / "jobs-mail.html.liquid").read_text(encoding="utf-8"),
        user_id="m-1",
        credential=StoredCredential("preview", "secret"),
        fetch=answering(answer_body(postings, **answer)),
    )
    assert isinstance(part.outcome, Rendered)
    return part.outcome.text


def _hostile_postings() -> list[dict[str, object]]:
    return [
        posting(
            title='<script>alert("title")</script><img src=x onerror=alert(1)>',
            company='" onmouseover="alert(2)',
        ),
        posting(title="가나다라마바사아자차카타파하" * 14 + "끝까지", company="아주긴회사이름" * 12),
        posting(title="W" * 200, location="L" * 120, reason="R" * 150, salary="9" * 90),
        posting(title="مطلوب مهندس برمجيات أول 👩‍💻 (서울)", company="שלום בע״מ", location="דרום"),
        posting(title="스크립트 링크", url="javascript:alert(3)"),
        posting(**{name: None for name in posting() if name not in {"id", "title"}}),
    ]


@pytest.fixture
def show(browser: Browser) -> Iterator["Shower"]:
    shower = Shower(browser)
    yield shower
    shower.close()


class Shower:
    """Opens mails in pages that reach no network, and closes them all."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._pages: list[Page] = []

    def __call__(self, html: str, *, width_px: int, scheme: Scheme = "light") -> Mail:
        page = self._browser.new_page(viewport={"width": width_px, "height": 900}, color_scheme=scheme)
        self._pages.append(page)
        page.route("**/*", lambda route: route.abort())
        dialogs: list[str] = []

        def note(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", note)
        page.set_content(html)
        return Mail(page, dialogs)

    def close(self) -> None:
        for page in self._pages:
            page.close()


def _keep(mail: Mail, name: str) -> None:
    if SCREENSHOTS:
        mail.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("width_px", WIDTHS_PX)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_realistic_mail_fits_its_window_and_every_text_is_readable(
    show: Shower, width_px: int, scheme: Scheme
) -> None:
    mail = show(_html(realistic_postings()), width_px=width_px, scheme=scheme)
    _keep(mail, f"mail-{width_px}-{scheme}")
    assert mail.page.evaluate(_OVERFLOWING) == []
    contrasts: list[tuple[str, float]] = mail.page.evaluate(_CONTRASTS)
    assert [(text, contrast) for text, contrast in contrasts if contrast < 4.5] == []
    assert len(contrasts) > 60


def test_dark_mode_really_darkens_the_page(show: Shower) -> None:
    colours = [
        show(_html(realistic_postings()), width_px=375, scheme=scheme).page.evaluate(
            "[...document.querySelectorAll('body, .card')].slice(0, 2).map((e) => getComputedStyle(e).backgroundColor)"
        )
        for scheme in ("light", "dark")
    ]
    assert colours == [["rgb(242, 244, 247)", "rgb(255, 255, 255)"], ["rgb(20, 23, 27)", "rgb(31, 36, 42)"]]


@pytest.mark.parametrize("width_px", WIDTHS_PX)
def test_hostile_and_very_long_values_run_no_script_and_do_not_widen_the_mail(
    show: Shower, width_px: int
) -> None:
    mail = show(_html(_hostile_postings()), width_px=width_px)
    _keep(mail, f"hostile-{width_px}")
    for element in mail.page.locator("a, h2, td").all():
        element.dispatch_event("mouseover")
    assert mail.dialogs == []
    assert mail.page.locator("script, img, [onerror], [onmouseover]").count() == 0
    assert mail.page.locator("a[href^=javascript]").count() == 0
    assert mail.page.evaluate(_OVERFLOWING) == []


def test_titles_and_buttons_lead_to_the_posting_with_every_parameter_of_its_url(show: Shower) -> None:
    page = show(_html(realistic_postings()), width_px=800).page
    links = page.locator(".card a").evaluate_all("(links) => links.map((link) => link.href)")
    urls = [str(posting["url"]) for posting in realistic_postings()]
    assert links == [url for url in urls for _ in ("title", "button")]


def test_a_screen_reader_meets_korean_headings_and_links_named_after_their_posting(show: Shower) -> None:
    page = show(_html(realistic_postings()), width_px=375).page
    titles = [str(posting["title"]) for posting in realistic_postings()]
    assert page.locator("html").get_attribute("lang") == "ko"
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["회원님을 위한 추천 공고"]
    assert page.get_by_role("heading", level=2).all_inner_texts() == titles
    assert page.get_by_role("link", name=f"{titles[0]} 공고 보기", exact=True).count() == 1
    assert page.locator("table:not([role=presentation])").count() == 0


def test_buttons_are_big_enough_to_tap_on_a_phone(show: Shower) -> None:
    page = show(_html(realistic_postings()), width_px=375).page
    heights_px = page.locator("a.button").evaluate_all(
        "(all) => all.map((e) => e.getBoundingClientRect().height)"
    )
    assert len(heights_px) == 10
    assert min(heights_px) >= 40


def test_the_preheader_is_there_for_the_inbox_and_unseen_in_the_mail(show: Shower) -> None:
    page = show(_html(realistic_postings()), width_px=375).page
    preheader = page.locator("body > div").first
    assert preheader.is_hidden()
    content = preheader.text_content() or ""
    assert content.startswith("파이썬 백엔드 개발자 (추천 시스템) · (주)가온데이터랩 외 9건")


def test_a_popular_mail_looks_right_too(show: Shower) -> None:
    mail = show(_html(realistic_postings()[:3], source="popular", degraded="over_limit"), width_px=375)
    _keep(mail, "popular-375")
    assert mail.page.get_by_role("heading", level=1).all_inner_texts() == ["요즘 많이 보는 공고"]
