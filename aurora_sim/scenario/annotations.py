"""The annotations of models taken apart, and one that is neither imported nor built before the first value asks for it."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, SchemaValidator, core_schema


class LateUnion:
    """Attached to Any: one of the models of a union that `load` gives, told apart by the value of `tag`.

    To import the models takes long, and to build them longer: it is done when there is something to validate, and only the models
    that are needed are built. An error is as the union itself would tell it.
    """

    def __init__(self, tag: str, load: Callable[[], Any]) -> None:
        self.tag, self.load = tag, load

    @cached_property
    def _validator(self) -> SchemaValidator:
        choices: dict[Any, CoreSchema] = {
            kind: core_schema.no_info_plain_validator_function(model.model_validate)
            for model in models_in([self.load()])
            for kind in get_args(model.model_fields[self.tag].annotation)
        }
        return SchemaValidator(core_schema.tagged_union_schema(choices, self.tag, from_attributes=True))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda value: self._validator.validate_python(value))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(TypeAdapter(self.load()).core_schema)


def options(annotations: Iterable[Any]) -> Iterator[Any]:
    """The annotations with unions taken apart, and Annotated and aliases opened."""
    for annotation in annotations:
        if hasattr(annotation, "__value__"):
            yield from options([annotation.__value__])
        elif get_origin(annotation) is Annotated:
            inner, *extras = get_args(annotation)
            late = [extra.load() for extra in extras if isinstance(extra, LateUnion)]
            yield from options(late or [inner])
        elif get_origin(annotation) in (Union, types.UnionType):
            yield from options(get_args(annotation))
        else:
            yield annotation


def models_in(annotations: Iterable[Any]) -> list[type[BaseModel]]:
    """The models among the options of annotations."""
    return [option for option in options(annotations) if isinstance(option, type) and issubclass(option, BaseModel)]
