"""The JSON Schema of scenario files, for editors: the model's, with `world` as a part of the configuration's."""

from __future__ import annotations

import json
from typing import Any

from aurora_sim.scenario.config import World
from aurora_sim.scenario.scenario import Scenario


def scenario_schema() -> dict[str, Any]:
    """The schema. A scenario overrides the world key by key, so nothing inside `world` is required."""
    schema = Scenario.model_json_schema(by_alias=True)
    world = World.model_json_schema(by_alias=True)
    definitions = {f"World{name}": _optional(_renamed(part)) for name, part in world.pop("$defs").items()}
    schema["properties"]["world"] = {**_optional(_renamed(world)), "description": "What differs from config/, by key."}
    schema["$defs"] = {**schema.get("$defs", {}), **definitions}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Aurora Sim scenario",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(scenario_schema(), indent=1, sort_keys=True) + "\n"


def _renamed(part: Any) -> Any:
    """The same with references to the world's definitions by their new names."""
    if isinstance(part, dict):
        return {
            key: value.replace("#/$defs/", "#/$defs/World") if key == "$ref" else _mapping(key, value)
            for key, value in part.items()
        }
    return [_renamed(item) for item in part] if isinstance(part, list) else part


def _mapping(key: str, value: Any) -> Any:
    if key == "mapping" and isinstance(value, dict):  # of a discriminator: tag to reference
        return {tag: str(reference).replace("#/$defs/", "#/$defs/World") for tag, reference in value.items()}
    return _renamed(value)


def _optional(part: Any) -> Any:
    """The same with nothing required: not of a mapping's keys, and not of the number of its items."""
    if isinstance(part, dict):
        return {key: _optional(value) for key, value in part.items() if key not in ("required", "minProperties")}
    return [_optional(item) for item in part] if isinstance(part, list) else part
