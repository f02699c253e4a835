"""A document as the user gave it: plain data, and the place of every value, so that an error can name it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aurora_sim.scenario.composer import DEPTH_MAX, Event, Keys, Marks, Refusal, compose, dotted, scalar, shortened
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.json_events import json_events
from aurora_sim.scenario.source import UNPRINTABLE, content_of, text_of
from aurora_sim.scenario.yaml_events import yaml_events


@dataclass(frozen=True)
class Document:
    """What was read. Treat `data` as read-only: `apply_overrides` gives a new document.

    path       as the user gave it
    data       mappings, lists, str, int, float, bool and None
    marks      line and column, from 1, of the key or list item that each path leads to; () is the document
    sha256     of the file's bytes, in hexadecimal: overrides do not change it
    origins    for what did not come from this file: the place to name, such as `--set steps=5`, or another document
               and the path in it
    overrides  the assignments applied so far, in order
    """

    path: Path
    data: dict[str, Any]
    marks: Marks
    sha256: str
    origins: dict[Keys, str | tuple[Document, Keys]] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()

    def where(self, keys: Keys) -> str:
        """The place of a value, as an error names it: `file:line: key.path`, or the `--set` that brought it."""
        for known in _prefixes(keys):
            origin = self.origins.get(known)
            if isinstance(origin, tuple):
                return origin[0].where((*origin[1], *keys[len(known) :]))
            if origin is not None:
                return origin if known == keys else f"{origin}: {dotted(keys)}"
            if known in self.marks:
                place = f"{self.path}:{self.marks[known][0]}"
                return f"{place}: {dotted(keys)}" if keys else place
        return str(self.path)

    def position(self, keys: Keys) -> tuple[int, int]:
        """Line and column of a value, or of what holds it; (0, 0) for an override, so that its errors come first."""
        for known in _prefixes(keys):
            origin = self.origins.get(known)
            if isinstance(origin, tuple):
                return origin[0].position((*origin[1], *keys[len(known) :]))
            if origin is not None:
                return (0, 0)
            if known in self.marks:
                return self.marks[known]
        return (0, 0)

    def copied(self) -> Document:
        """The same, with data and places of its own, for those who change them."""
        return replace(self, data=copied_data(self.data), marks=dict(self.marks), origins=dict(self.origins))

    def note_origin(self, keys: Keys, origin: str | tuple[Document, Keys]) -> None:
        """Remember that the value at `keys`, with all below it, was put there from elsewhere."""
        for known in [known for known in self.marks if known[: len(keys)] == keys]:
            del self.marks[known]
        for known in [known for known in self.origins if known[: len(keys)] == keys]:
            del self.origins[known]
        self.origins[keys] = origin


def copied_data(data: Any) -> Any:
    """The same mappings and lists anew: `copy.deepcopy`, which looks out for other objects and loops, takes three times as long."""
    if isinstance(data, dict):
        return {key: copied_data(value) for key, value in data.items()}
    return [copied_data(item) for item in data] if isinstance(data, list) else data


def read_document(path: Path) -> Document:
    """Read a .yaml, .yml or .json file whose top level is a mapping. Raises InputError for anything else."""
    content = content_of(path)
    text = text_of(content, path)
    data, marks = _composed(json_events(text) if path.suffix.lower() == ".json" else yaml_events(text), path)
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else "a single value" if data is not None else "nothing"
        raise InputError(
            str(path), f"the file holds {found} where a mapping is due", "Begin it with `key: value` lines"
        )
    return Document(path, data, marks, hashlib.sha256(content).hexdigest())


def is_playbook(document: Document) -> bool:
    """Whether a scenario's file is a playbook: it says what to expect."""
    return "expect" in document.data


def apply_overrides(document: Document, assignments: list[str]) -> Document:
    """A new document with `dotted.key=value` assignments put in, in order; the given one stays as it is.

    A value is typed as in a YAML file: 0.5, true, null, text as it stands, "quoted text", [a, b] or {k: v}. Mappings on
    the way are made where they are missing; a number names a list item, and one past the end adds an item. Raises
    InputError for a malformed assignment.
    """
    result = replace(document.copied(), overrides=(*document.overrides, *assignments))
    for assignment in assignments:
        _assign(result, assignment)
    return result


def _assign(document: Document, assignment: str) -> None:
    place = f"--set {shortened(assignment, 100)}"
    name, equals, text = assignment.partition("=")
    if not equals:
        raise InputError(place, "there is no = in it", "Write --set key.path=value")
    if UNPRINTABLE.search(assignment):
        raise InputError(place, "an unprintable character", "Take it out")
    parts = [part.strip() for part in name.split(".")]
    if not all(parts):
        raise InputError(place, "a part of the key is empty", "Write --set key.path=value, with one dot between keys")
    if len(parts) > DEPTH_MAX:
        raise InputError(place, f"the key has more than {DEPTH_MAX} parts", "Name a key that the file could have")
    value = _override_value(text.strip(), place)
    holder: Any = document.data
    keys: Keys = ()
    for left, part in zip(range(len(parts) - 1, -1, -1), parts, strict=True):
        step = _step(holder, part, keys, place)
        keys = (*keys, step)
        if isinstance(holder, list) and step == len(holder):
            holder.append(None)
        there = holder[step] if isinstance(holder, list) else holder.get(step)
        if left == 0 or there is None:
            holder[step] = there = value if left == 0 else {}
            document.note_origin(keys, place)
        holder = there


def _step(holder: Any, part: str, keys: Keys, place: str) -> Any:
    """The key or index that `part` means inside `holder`."""
    if isinstance(holder, dict):
        # `steady_state` and `steady-state` are one key to the models: do not add a second one beside the file's.
        other = next((twin for twin in (part.replace("_", "-"), part.replace("-", "_")) if twin in holder), part)
        return part if part in holder else other
    if not isinstance(holder, list):
        raise InputError(
            place, f"{dotted(keys)} is a single value and has no keys", "Set it as a whole, or mend the key"
        )
    if not re.fullmatch(r"[0-9]{1,9}", part) or int(part) > len(holder):
        has = f"has {len(holder)} item{'' if len(holder) == 1 else 's'}"
        mend = f"Items count from 0, and {len(holder)} adds one"
        raise InputError(place, f"{dotted(keys)} is a list that {has}, and {shortened(part)} is none of them", mend)
    return int(part)


def _override_value(text: str, place: str) -> Any:
    if not text:
        raise InputError(
            place, "there is nothing after the =", 'Give a value; null takes a value away, and "" is an empty text'
        )
    try:
        # Only these four need a reader. All else is taken as it stands: `a: b`, `#1` and `*` need no quotes here.
        return compose(yaml_events(text))[0] if text[0] in "[{\"'" else scalar(text)
    except Refusal as refusal:
        raise InputError(place, refusal.what, refusal.mend) from None
    except ValueError as error:
        what, _, mend = str(error).partition(". ")
        raise InputError(place, what, mend) from None


def _prefixes(keys: Keys) -> Iterator[Keys]:
    return (keys[:length] for length in range(len(keys), -1, -1))


def _composed(events: Iterator[Event], path: Path) -> tuple[Any, Marks]:
    try:
        return compose(events)
    except Refusal as refusal:
        where = f"{path}:{refusal.line}"
        where += f": {dotted(refusal.keys)}" if refusal.keys else f":{refusal.column}"
        raise InputError(where, refusal.what, refusal.mend) from None
