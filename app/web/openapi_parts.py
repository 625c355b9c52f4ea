"""What descriptions of an API are made of: OpenAPI 3.1 as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).with_name("examples")

Json = dict[str, Any]
SECURITY: list[Json] = [{"basic": []}, {"bearer": []}]
SECURITY_SCHEMES: Json = {
    "basic": {"type": "http", "scheme": "basic", "description": "Braze's :basic_auth"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "Braze's :auth_credentials"},
}
_RETRY: Json = {"headers": {"Retry-After": {"required": True, "schema": {"type": "integer"}}}}


def operation(name: str, summary: str, responses: Json) -> Json:
    """One method of a path."""
    return {"operationId": name, "summary": summary, "responses": responses}


def body(description: str, schema: Json, examples: Json | None = None) -> Json:
    """An answer with a JSON body."""
    return {
        "description": description,
        "content": {"application/json": {"schema": schema} | (examples or {})},
    }


def problem(description: str, examples: Json | None = None) -> Json:
    """An error."""
    content = {"schema": ref("Problem")} | (examples or {})
    return {"description": description, "content": {"application/problem+json": content}}


def unauthorised() -> Json:
    """The answer to a call without a good credential."""
    challenge = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return problem("No credential, or not a good one.", example("unauthorized")) | {"headers": challenge}


def too_many(description: str) -> Json:
    """The answer to calls above a line."""
    return problem(description) | _RETRY


def starting(
    description: str = "Just started, without Postgres: no credential can be checked yet.",
) -> Json:
    """The answer of a service that cannot yet or now."""
    return problem(description) | _RETRY


def example(*names: str) -> Json:
    """Answers as they were given: the tests compare each with the service's."""
    files = {name: EXAMPLES / f"{name}.json" for name in names}
    return {
        "examples": {
            name: {"value": json.loads(file.read_text(encoding="utf-8"))} for name, file in files.items()
        }
    }


def ref(name: str) -> Json:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(**properties: Json) -> Json:
    """An object with these keys, always all of them."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def text(description: str, *, nullable: bool = False, **more: Any) -> Json:
    """A text."""
    return {"type": ["string", "null"] if nullable else "string", "description": description, **more}


def whole(description: str, *, nullable: bool = False, **more: Any) -> Json:
    """A whole number."""
    return {"type": ["integer", "null"] if nullable else "integer", "description": description, **more}


def parameter(
    name: str, description: str, schema: Json, *, where: str = "query", required: bool = False
) -> Json:
    """A parameter; one that is not needed may be empty, since Liquid prints nil as nothing."""
    told = {
        "name": name,
        "in": where,
        "required": required,
        "description": description,
        "schema": schema,
    }
    return told if required or where != "query" else told | {"allowEmptyValue": True}


LIVE = object_of(status={"const": "alive"})
READY = object_of(ready={"type": "boolean"}, missing={"type": "array", "items": {"type": "string"}})
PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": text("Always about:blank"),
        "title": text("The kind of mistake"),
        "status": whole("The HTTP status"),
        "detail": text("What is wrong and how to mend it"),
        "parameter": text("The parameter at fault"),
    },
    "additionalProperties": False,
}
