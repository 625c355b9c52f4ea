"""The description and the API's documentation name the same things."""

from __future__ import annotations

from pathlib import Path

from app.web.content.openapi import document

API_DOC = Path(__file__).parents[4] / "docs" / "api.md"


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading of the documentation, without their markup."""
    section = (
        API_DOC.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    )
    cells = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]
    return [cell.strip("`") for cell in cells]


def test_the_documentation_names_every_parameter_key_and_status() -> None:
    described = document()
    operation = described["paths"]["/v1/members/{external_id}/recommendations"]["get"]
    schemas = described["components"]["schemas"]
    assert rows("Parameters") == [parameter["name"] for parameter in operation["parameters"]]
    assert rows("The answer") == list(schemas["Answer"]["properties"])
    assert rows("A posting") == list(schemas["Posting"]["properties"])
    assert rows("Errors") == [status for status in operation["responses"] if status != "200"]
    assert rows("`source`") == schemas["Answer"]["properties"]["source"]["enum"]
    assert rows("`degraded`") == [
        str(value) for value in schemas["Answer"]["properties"]["degraded"]["enum"] if value
    ]
