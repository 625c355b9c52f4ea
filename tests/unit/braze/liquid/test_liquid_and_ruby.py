"""Ruby's own Liquid, which Braze runs, and the preview print the same."""

import json
import os
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from app.braze.calls import JsonAnswer, read_answer
from app.braze.liquid.errors import LiquidSyntaxError
from app.braze.liquid.filters import STANDARD
from app.braze.liquid.values import ruby_inspect
from tests.unit.braze.liquid.made_templates import OPERATORS, VALUES, VARIABLES, Maker
from tests.unit.braze.rendering import NOW_S, rendered

Case = tuple[str, dict[str, Any]]

_RUBY = shutil.which("ruby")
pytestmark = pytest.mark.skipif(
    _RUBY is None or not list(Path("/usr/share/rubygems-integration/all/gems").glob("liquid-5*")),
    reason="Ruby's Liquid is not installed (Debian: ruby-liquid)",
)

INPUTS: list[Any] = [
    None, True, False, 0, 5, -3, 1.5, -2.5, 0.1, 100.0, 1e20, 1e-7, 14.5, 12345678901234567890, "", " ", "a",
    "Hello World", "3.7", "-4", "12abc", " 7 ", "1_000", "a,b,,c,,", "<p class='x'>Hi & bye</p>\n<script>x</script><!-- c -->",
    "한글 텍스트 é", "x\ny\r\nz", "&lt;a&gt; & \"q\" 'r'", "a+b%20c%ff", "aGV5", "ÀÉ ß", "2026-12-01", [], [1, 2, 3],
    ["b", "A", "c", None, "a"], [1, "a"], [[1, [2]], 3], [{"a": 1, "b": "x"}, {"a": None}, {"b": "y"}], [3, 1.5, 2],
    [None, None], [True, False], ["a", "a", 1, 1.0], {"a": 1}, {}, [{"a": 3}, {"a": 1}, {"a": 2}], ["x1", "X0"],
]  # fmt: skip
ARGUMENTS: list[Any] = [None, True, 0, 2, -1, 1.5, "", "a", ",", "3", " ", [1], {"a": 1}, "50", "A"]
OF_TWO = (
    "replace",
    "replace_first",
    "replace_last",
    "slice",
    "truncate",
    "truncatewords",
    "where",
    "default",
)
NOT_RUBYS = {"sum"}  # newer than Ruby's Liquid 5.4
BYTES = {"base64_decode", "base64_url_safe_decode"}  # Ruby counts the bytes of what is no text
UNSTABLE = {"sort_natural"}  # Ruby's order of equals is nobody's promise

DATES: list[Any] = [
    "2026-12-01", "2026-12-01 10:20:30", "2026-12-01T10:20:30Z", "2026-12-01T10:20:30.123456+09:00", "2026-12-01T10:20",
    "20261201T102030Z", "20261201T102030", "Dec 1, 2026", "December 1 2026 3pm", "1st December 2026",
    "Tue, 01 Dec 2026 10:20:30 +0900", "Tue, 01 Dec 2026 10:20:30 GMT", "12/25/2026", "25/12/2026", "2026/12/25", "12/25",
    "25.12.2026", "10:30", "3pm", "10:30 pm", "10h30m", "noon", "hello", "Marketing", "may", "May 2026", "Sunday",
    "2026", "0", "-1", "1796050800", "1796050800000", "1796050800.5", "now", "today", "NOW", "Now ", "tomorrow",
    "2026-13-01", "2026-02-30", "2026-12-32", "2026-12-22T24:00-05:00", "2026-12-01T25:00", "2026-12-01 10:00 KST",
    "2026-12-01 10:00 PST", "2026-12-01 10:00 -0330", "2026-12-01 10:00 +9", "2026-12-01 10:00:60", "2026년 12월 1일",
    "12월 25일", "'26-12-01", "26-12-01", "70-1-1", "01-Dec-2026", "1-Dec-26", "Dec-01-2026", "2026-W49-2", "2026-336",
    "2026-12", "Jan 5", "3rd", "on the 3rd of May", "", "   ", "12:34:56.789", "2021-06-03 17:13:41 UTC",
    "June 3rd, 2021 5:13 PM", "Thu Jan 01 00:00:00 UTC 1970", "h31.04.30", "0000-00-00", "x" * 200,
    "10/Oct/2026:13:55:36 -0700", "10 am", "2024-02-29", "2023-02-29", 0, -1, 10**14, -(10**12), 1.5, None, True, [], {},
]  # fmt: skip
PATTERNS = [
    "%Y-%m-%d %H:%M:%S %z %Z|%s|%L|%N|%j|%a %A|%b %B", "%-d/%-m/%y %e %l %k %I %p %P %u %w %U %W %V %G %g %C",
    "%F %T %D %R %r %c %x %X %v %h %n %t %% %+", "%^a %^B %#p %#b %-H %_m %05d %10Y %3N %6N %12N %::z %:z %_z %:::z %010z",
]  # fmt: skip
ODD_PATTERNS = ["%Q", "%E", "%-", "%5", "text", "%J %i %f", "%10A|%-10A|%^10b|%010e|%_10H|%Ey|%Od", "%1000d|%15s", "", "%Y年", "%%Y", "%:d", "%"]  # fmt: skip
JSON = [
    "{}", "[]", "3", '"x"', "null", "true", "-0", "-0.0", "1e5", "1.50", "01", "[1,]", '{"a":1,}', "[NaN]", "[Infinity]",
    "[-Infinity]", "\ufeff{}", '"a\nb"', "", " ", " [1] ", "[1] x", '{"a":1,"a":2}', "['a']", "{a:1}", "123456789012345678901234567890",
    "[" * 100 + "]" * 100, "[" * 101 + "]" * 101, '{"가":"나"}', '"\\u00e9\\ud83d\\ude00"', "tru", "[.5]", "[5.]",
]  # fmt: skip


def _filter_cases() -> list[Case]:
    cases: list[Case] = []
    for name in STANDARD.keys() - NOT_RUBYS:
        shown = "" if name in BYTES else f"|{{{{ v | {name} | size }}}}"
        cases += [(f"{{{{ v | {name} }}}}{shown}", {"v": value}) for value in INPUTS]
        if name not in UNSTABLE:
            cases += [
                (f"{{{{ v | {name}: a }}}}", {"v": value, "a": one})
                for value, one in product(INPUTS, ARGUMENTS[::3])
            ]
    for name in OF_TWO:
        for value, one, two in product(INPUTS[::2], ARGUMENTS[1::2], ARGUMENTS[:11:4]):
            cases.append((f"{{{{ v | {name}: a, b }}}}", {"v": value, "a": one, "b": two}))
    return cases


def _date_cases() -> list[Case]:
    patterns = [*product(DATES, PATTERNS), *product(["2026-12-01T10:20:30+09:00", 0], ODD_PATTERNS)]
    zoned = ("Z", "UTC")  # of which Ruby says -00:00 in a format nobody writes
    return [("{{ d | date: p }}", {"d": date, "p": one}) for date, one in patterns if date not in zoned]


def _condition_cases() -> list[Case]:
    shown = "{%% if %s %s %s %%}y{%% else %%}n{%% endif %%}"
    return [
        ("".join(shown % (left, operator, right) for right in VALUES[::5]), VARIABLES)
        for left, operator in product(VALUES, OPERATORS)
    ]


CASES = [
    *_filter_cases(),
    *_date_cases(),
    *_condition_cases(),
    *((Maker(seed).template(), VARIABLES) for seed in range(700)),
]
BRACED = [Maker(seed, spaced=True).pair() for seed in range(1000, 1400)]


@pytest.fixture(scope="module")
def rubys() -> dict[str, list[str | None]]:
    """What Ruby makes of all of it, in one process."""
    templates = [*CASES, *((plain, VARIABLES) for plain, _ in BRACED)]
    asked = json.dumps({"templates": templates, "json": JSON})
    script = Path(__file__).with_name("ruby_liquid.rb")
    done = subprocess.run(
        [str(_RUBY), str(script), str(NOW_S)],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TZ": "UTC", "LANG": "C.UTF-8"},
    )
    found: dict[str, list[str | None]] = json.loads(done.stdout)
    return found


def test_filters_dates_conditions_and_whole_templates_print_what_rubys_liquid_prints(
    rubys: dict[str, list[str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    wrong = [
        (template, variables, ruby, ours)
        for (template, variables), ruby in zip(CASES, rubys["templates"], strict=False)
        if (ours := _ours(template, variables)) != ruby
    ]
    assert wrong[:5] == []
    assert len(CASES) > 10_000


def test_double_braces_around_the_values_of_tags_change_nothing(rubys: dict[str, list[str | None]]) -> None:
    wrong = [
        (braced, ruby, ours)
        for (_, braced), ruby in zip(BRACED, rubys["templates"][len(CASES) :], strict=True)
        if (ours := _ours(braced, VARIABLES)) != ruby
    ]
    assert wrong[:5] == []


def _ours(template: str, variables: dict[str, Any]) -> str | None:
    try:
        return rendered(template, variables)
    except LiquidSyntaxError:
        return None


def test_json_is_what_ruby_takes_for_it(rubys: dict[str, list[str | None]]) -> None:
    for text, ruby in zip(JSON, rubys["json"], strict=True):
        answer = read_answer(text, 200)
        value = answer.value if isinstance(answer, JsonAnswer) else None
        if isinstance(value, dict):
            del value["__http_status_code__"]
        assert (text, ruby_inspect(value) if isinstance(answer, JsonAnswer) else None) == (text, ruby)
