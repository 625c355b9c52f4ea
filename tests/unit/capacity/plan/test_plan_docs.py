"""The plan file's documentation says what the reader does."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import Campaign
from app.capacity.plan.campaign_table import ALL_OWN_FIELDS, OWN_FIELDS
from app.capacity.plan.plan import Judging, ServiceLines, parse_plan
from app.cli.capacity import EXIT_CODES, capacity

PAGE = (Path(__file__).parents[4] / "docs" / "plan-file.md").read_text(encoding="utf-8")


def test_the_example_can_be_read() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [campaign.name for campaign in parse_plan(example).campaigns] == ["weekly digest"]


def test_the_example_can_be_judged_on_any_day(tmp_path: Path) -> None:
    """As copied: nothing of it lies in the past, and nothing is measured yet."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    file = tmp_path / "plan.toml"
    file.write_text(example, encoding="utf-8")
    judged = CliRunner().invoke(capacity, ["check", str(file)])
    assert judged.exit_code == EXIT_CODES["RETEST"], judged.output
    assert "No load test has measured yet" in judged.output


@pytest.mark.parametrize(
    "name",
    [
        *(one.name for kind in (Assumptions, Judging, ServiceLines) for one in fields(kind)),
        *(one.name for one in fields(Campaign) if one.name != "timing"),
        *sorted(ALL_OWN_FIELDS),
        *OWN_FIELDS,
        *("time_zone", "workspace_limit_per_min", "seed", "minutes", "counts", "shares"),
    ],
)
def test_every_field_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", [one.name for one in fields(Assumptions)])
def test_the_page_says_assumed_where_the_source_does(name: str) -> None:
    (assumed,) = (one for one in Assumptions().explained() if one["name"] == name)
    (row,) = (
        line for line in PAGE.splitlines() if line.startswith("| `") and f"`{name}`" in line.split("|")[1]
    )
    assert ("assumed" in row) == assumed["source"].startswith("assumed")
