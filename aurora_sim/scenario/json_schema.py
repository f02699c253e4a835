"""The JSON Schemas of scenario files and playbooks, for editors: the model's, with `world` as a part of the configuration's."""

from __future__ import annotations

import json
from typing import Any

from aurora_sim.scenario.actions import ACTIONS
from aurora_sim.scenario.config import World
from aurora_sim.scenario.playbook import Playbook
from aurora_sim.scenario.scenario import Scenario


def scenario_schema() -> dict[str, Any]:
    """The schema of a scenario."""
    return _schema(Scenario, "Aurora Sim scenario")


def playbook_schema() -> dict[str, Any]:
    """The schema of a playbook: what a step's `with` takes depends on its `do`."""
    schema = _schema(Playbook, "Aurora Sim playbook")
    step = schema["$defs"]["Step"]
    step["properties"]["do"]["enum"] = list(ACTIONS)
    step["allOf"] = []
    for action, model in ACTIONS.items():
        arguments = model.model_json_schema(by_alias=True)
        schema["$defs"].update(arguments.pop("$defs", {}))
        then: dict[str, Any] = {"properties": {"with": arguments}}
        if arguments.get("required"):
            then["required"] = ["with"]
        step["allOf"].append({"if": {"properties": {"do": {"const": action}}, "required": ["do"]}, "then": then})
    return schema


def _schema(model: type[Scenario], title: str) -> dict[str, Any]:
    """A scenario overrides the world key by key, so nothing inside `world` is required."""
    schema = model.model_json_schema(by_alias=True)
    world = World.model_json_schema(by_alias=True)
    definitions = {f"World{name}": _optional(_renamed(part)) for name, part in world.pop("$defs").items()}
    schema["properties"]["world"] = {**_optional(_renamed(world)), "description": "What differs from config/, by key."}
    schema["$defs"] = {**schema.get("$defs", {}), **definitions}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **{key: value for key, value in schema.items() if key != "title"},
    }


def schema_text(schema: dict[str, Any] | None = None) -> str:
    """A schema, the scenario's if none is given, as it is committed."""
    return json.dumps(schema if schema is not None else scenario_schema(), indent=1, sort_keys=True) + "\n"


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
