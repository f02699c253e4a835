"""Where an error's location leads, in a model and in its data: pydantic mixes keys with tags and validators' names."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from aurora_sim.scenario.annotations import models_in, options
from aurora_sim.scenario.composer import Keys


@dataclass(frozen=True)
class Place:
    """What a location leads to.

    keys         the path in the data; the last key may be one that the data lacks
    models       the models that may hold the last key
    description  what the model says of that field
    bounds       its limits, and those of its items: annotated_types objects such as Ge(ge=0)
    """

    keys: Keys
    models: tuple[type[BaseModel], ...]
    description: str | None
    bounds: tuple[Any, ...]

    @property
    def known_keys(self) -> list[str]:
        """The keys that the holding models know, as a document writes them."""
        return [info.alias or name for model in self.models for name, info in model.model_fields.items()]


def locate(model: type[BaseModel], location: Sequence[str | int], data: Any) -> Place:
    """Follow a pydantic error's `loc` through model and data at once; parts that lead nowhere in either are skipped."""
    here: list[Any] = [model]  # the annotations that may stand at this place
    holders: list[Any] = []
    info: FieldInfo | None = None
    keys: Keys = ()
    for part in location:
        tagged = _tagged(here, part)
        if tagged:
            here = tagged  # a union's tag comes before the key, even where a key has the same name
            continue
        field = _field(here, part)
        present = _present(data, part)
        if field is None and not present:
            continue
        holders, info = here, field
        here = [field.annotation] if field is not None else list(_items(here))
        data = data[part] if present else None
        keys = (*keys, part)
    described = info.description if info is not None else None
    bounds = tuple(info.metadata) if info is not None else ()
    return Place(keys, tuple(models_in(holders)), described, (*bounds, *_bounds(here)))


def _tagged(annotations: list[Any], part: str | int) -> list[Any]:
    """The models of a union that `part` selects: by a Literal field's value, or in a plain union by the class name."""
    models = models_in(annotations)
    if len(models) < 2:
        return []
    by_tag = [
        model
        for model in models
        if any(
            get_origin(f.annotation) is Literal and part in get_args(f.annotation) for f in model.model_fields.values()
        )
    ]
    return by_tag or [model for model in models if model.__name__ == part]


def _field(annotations: list[Any], part: str | int) -> FieldInfo | None:
    for model in models_in(annotations):
        for name, info in model.model_fields.items():
            if part in (info.alias, name):
                return info
    return None


def _present(data: Any, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _items(annotations: list[Any]) -> Iterator[Any]:
    """What a list, tuple or mapping among the annotations holds."""
    for option in options(annotations):
        arguments = [argument for argument in get_args(option) if argument is not Ellipsis]
        if arguments and get_origin(option) is not Literal:
            yield arguments[-1]


def _bounds(annotations: list[Any]) -> Iterator[Any]:
    for annotation in annotations:
        if get_origin(annotation) is Annotated:
            for extra in get_args(annotation)[1:]:
                yield from extra.metadata if isinstance(extra, FieldInfo) else [extra]
            yield from _bounds([get_args(annotation)[0]])
        elif get_origin(annotation) in (Union, types.UnionType):
            yield from _bounds(list(get_args(annotation)))
