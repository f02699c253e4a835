"""The base of every model that is read from a document, and the error that its validators raise.

Files that are mostly models go without `from __future__ import annotations`: each annotation would be kept as text, which pydantic
compiles at every start.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

# What is valid is ours to say, not a plugin's that happens to be installed; and to look for one reads every package.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def wrong(what: str, mend: str, key: str | None = None) -> PydanticCustomError:
    """An error for a validator to raise; `key`, inside what is validated, is where it points."""
    context: dict[str, Any] = {"what": what, "mend": mend}
    # The texts go in as context and not as the template, in which a brace of the user's would be a placeholder.
    return PydanticCustomError("wrong", "{what}", context if key is None else {**context, "key": key})


def _refuse_conversions(schema: Any) -> None:
    """Make every number, boolean and text in a core schema strict, in place; but not keys, which are always text."""
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "float", "bool", "str"):
            schema.setdefault("strict", True)
        parts = [part for key, part in schema.items() if key not in _NO_VALUES]
    else:
        parts = schema
    for part in parts:
        if isinstance(part, _WITH_PARTS):
            _refuse_conversions(part)


_NO_VALUES = ("metadata", "serialization", "default", "keys_schema")
_WITH_PARTS = (dict, list, tuple)


class Strict(BaseModel):
    """The base of every model that is read from a document.

    Unknown keys are errors. Values are not converted (true is no number, "5" no integer), except lists to tuples and
    texts to enums. A model cannot be changed after it was made. A field with an alias (`steady-state`) may be given by
    its name (`steady_state`) too, but not by both.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        validate_default=True,
        validate_by_alias=True,
        validate_by_name=True,
        defer_build=True,  # most of the models are built as parts of others alone: by themselves they need no validator
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # pydantic's own strict=True would refuse a list for a tuple and a text for an enum: YAML can give no other.
        schema = handler(source)
        model: Any = handler.resolve_ref_schema(schema)
        _refuse_conversions(model)
        twins = {info.alias: name for name, info in cls.model_fields.items() if info.alias not in (None, name)}
        if twins:
            while model["type"] != "model":
                model = model["schema"]  # what is around it are the model's own validators
            model["schema"] = core_schema.no_info_before_validator_function(
                partial(_one_spelling, twins), model["schema"]
            )
        return schema


def _one_spelling(twins: dict[str, str], data: Any) -> Any:
    """Refuse data that give a key by its alias and by its name. `twins` are the names by their aliases."""
    if isinstance(data, dict):
        for alias, name in twins.items():
            if name in data and alias in data:
                raise wrong(f"{alias} and {name} are the same key, and both are given", f"Keep {alias}", name)
    return data
