"""From a stream of events to plain data with the place of every value; what the format does not allow stops here."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

Keys = tuple[str | int, ...]
Marks = dict[Keys, tuple[int, int]]

DEPTH_MAX = 32
NODES_MAX = 50_000

# YAML 1.2's core schema, so that `no` and `on` are text and `1e3` is a number: PyYAML's own resolver is YAML 1.1.
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?(?:\.(?:inf|Inf|INF)|Infinity)|\.(?:nan|NaN|NAN)|NaN")
_DIGITS_MAX = 24  # more than 2^63 has; int() itself takes quadratic time, and refuses from 4,300 digits on


class Kind(enum.Enum):
    """What an event opens, closes or is."""

    MAPPING = "a mapping"
    LIST = "a list"
    END = "an end"
    SCALAR = "a scalar"


class Event(NamedTuple):
    """One step of reading; line and column count from 1. A `plain` scalar had no quotes: its text is yet untyped."""

    kind: Kind
    line: int
    column: int
    text: str = ""
    plain: bool = False


class Refusal(Exception):  # noqa: N818  (it is not an error of the program)
    """Why a text cannot be read, from those who do not know its file. `keys` is empty if it is the syntax."""

    def __init__(self, line: int, column: int, what: str, mend: str, keys: Keys = ()) -> None:
        super().__init__(what)
        self.line, self.column, self.what, self.mend, self.keys = line, column, what, mend, keys


def dotted(keys: Keys) -> str:
    """The keys as a person writes them, and as `--set` takes them: `method.0.at`; odd characters are escaped."""
    return ".".join(key if re.fullmatch(r"[\w@:/-]{1,80}", key) else shortened(repr(key)) for key in map(str, keys))


def shortened(text: str, length: int = 60) -> str:
    """The text, or its beginning and three dots if it is long, with the unprintable escaped: it stays on one line."""
    kept = text if len(text) <= length else text[: length - 3] + "..."
    return kept if kept.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in kept)


def scalar(text: str) -> str | int | float | bool | None:
    """An unquoted text, typed by YAML 1.2's core schema. ValueError("what. mend") for a number that nobody can mean."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number. Give one, or leave the key out")
    if _DECIMAL.fullmatch(text):
        return _integer(text, 10)
    if _OCTAL.fullmatch(text):
        return _integer(text, 8)
    if _HEXADECIMAL.fullmatch(text):
        return _integer(text, 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError(f"{shortened(text)} is too large a number. Give one below 1.8e308")
        return number
    return text


def _integer(text: str, base: int) -> int:
    number = int(text, base) if len(text) <= _DIGITS_MAX else 2**63
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{shortened(text)} is too large a whole number. Give one below 2^63, or put a name in quotes")
    return number


def compose(events: Iterator[Event]) -> tuple[Any, Marks]:
    """The data of one document, and where each key or list item begins. Raises Refusal at the first forbidden thing.

    The events are taken one at a time, and the depth is checked before the next: a million brackets cost thirty-three.
    """
    composer = _Composer(events)
    first = next(events)
    composer.marks[()] = (first.line, first.column)
    data = composer.node(first, ())
    for _ in events:
        pass  # whatever follows the document, a second one for instance, is refused by the reader, once it is asked
    return data, composer.marks


class _Composer:
    def __init__(self, events: Iterator[Event]) -> None:
        self.events = events
        self.marks: Marks = {}
        self.nodes = 0

    def node(self, event: Event, keys: Keys) -> Any:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            what = f"more than {NODES_MAX} keys and values"
            raise self.refusal(event, keys, what, "Split the file: no scenario needs that many")
        if event.kind is Kind.SCALAR:
            return self.typed(event, keys)
        if len(keys) >= DEPTH_MAX:
            what = f"nested more than {DEPTH_MAX} deep"
            raise self.refusal(event, (), what, "Close the brackets, or lessen the indentation")
        return self.mapping(keys) if event.kind is Kind.MAPPING else self.items(keys)

    def mapping(self, keys: Keys) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while (event := next(self.events)).kind is not Kind.END:
            key = self.key(event, keys)
            here = (*keys, key)
            if key in data:
                line = self.marks[here][0]
                raise self.refusal(
                    event, here, f"the key is given twice, here and on line {line}", "Keep one of the two"
                )
            self.nodes += 1
            self.marks[here] = (event.line, event.column)
            data[key] = self.node(next(self.events), here)
        return data

    def items(self, keys: Keys) -> list[Any]:
        data: list[Any] = []
        while (event := next(self.events)).kind is not Kind.END:
            here = (*keys, len(data))
            self.marks[here] = (event.line, event.column)
            data.append(self.node(event, here))
        return data

    def key(self, event: Event, keys: Keys) -> str:
        if event.kind is not Kind.SCALAR:
            raise self.refusal(
                event, keys, f"{event.kind.value} is used as a key", "Keys are text: put a name before the colon"
            )
        if event.plain and event.text == "<<":
            raise self.refusal(
                event,
                keys,
                "a merge key (<<) is used",
                "Write the values out: files are read without anchors, aliases and merges",
            )
        value = self.typed(event, (*keys, event.text))
        if not isinstance(value, str):
            shown = event.text or "nothing"
            raise self.refusal(
                event,
                keys,
                f"the key {shown} is not text",
                f'Put it in quotes: "{event.text}"' if event.text else "Put a name before the colon",
            )
        return value

    def typed(self, event: Event, keys: Keys) -> Any:
        if not event.text.isascii() and any("\ud800" <= character <= "\udfff" for character in event.text):
            raise self.refusal(
                event,
                keys,
                "half of a surrogate pair, which is no character",
                "Write the character itself, or both halves",
            )
        if not event.plain:
            return event.text
        try:
            return scalar(event.text)
        except ValueError as error:
            what, _, mend = str(error).partition(". ")
            raise self.refusal(event, keys, what, mend) from None

    @staticmethod
    def refusal(event: Event, keys: Keys, what: str, mend: str) -> Refusal:
        return Refusal(event.line, event.column, what, mend, keys)
