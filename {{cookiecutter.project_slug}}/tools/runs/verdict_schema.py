"""Compares a document verdict.json with its schema, as far as its readers depend on it: keys, types and fixed values."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).parents[2] / "loadtest/plugins/verdict/schema.json"

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def deviation(document: object) -> str | None:
    """Where the document deviates from the schema, and how; None if it does not."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return _deviation(document, schema, schema["$defs"], "")


def _deviation(value: Any, schema: dict[str, Any], definitions: dict[str, Any], place: str) -> str | None:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    allowed = schema.get("enum") or [schema.get("const", value)]
    if value not in allowed or not _has_type(value, schema.get("type", [])):
        return f"{place or 'it'} is {json.dumps(value):.60}"
    if isinstance(value, dict):
        missing = [key for key in schema.get("required", []) if key not in value]
        if missing:
            return f"{place or 'it'} has no {missing[0]}"
        known = schema.get("properties", {})
        parts = [(key, value[key], known[key]) for key in known if key in value]
    else:
        items = value if isinstance(value, list) and "items" in schema else []
        parts = [(f"{index}", item, schema["items"]) for index, item in enumerate(items)]
    found = (_deviation(part, of_part, definitions, f"{place}.{key}".lstrip(".")) for key, part, of_part in parts)
    return next(filter(None, found), None)


def _has_type(value: object, names: str | list[str]) -> bool:
    kinds = [kind for name in ([names] if isinstance(names, str) else names) for kind in TYPES[name]]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not abs(value) <= sys.float_info.max:
        return False
    return not kinds or type(value) in kinds
