"""The one form in which a JSON value is signed and hashed (RFC 8785), and a reader that lets only such values in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring as _quoted
from typing import Any, TypeAlias

import rfc8785

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

INTEGER_MAX = 2**53 - 1
"""The largest whole number of which a JSON number is a faithful copy everywhere (RFC 8785, section 3.2.2.3)."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def canonical(value: object) -> bytes:
    """The canonical form: keys sorted by UTF-16, no space, numbers as ECMAScript writes them, in UTF-8.

    1 and 1.0 are one number and have one form. Raises ValueError for what has none: NaN and infinities, whole numbers
    beyond 2^53 - 1, half of a surrogate pair, keys that are no text, objects that JSON does not know.
    """
    try:
        return _text(value).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no character") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _text(value: Any) -> str:
    """The form of one value. The package `rfc8785` writes the same in five times the time.

    What is rarely asked for is left to it, or to the letter of the RFC: numbers with an exponent, keys beyond ASCII.
    """
    write = _WRITERS.get(type(value))
    if write is None:
        raise ValueError(f"{type(value).__name__} is no kind of JSON value")
    return write(value)


def _object_text(value: dict[str, Any]) -> str:
    try:
        keys = sorted(value)
        if not "".join(keys).isascii():
            keys.sort(key=lambda key: key.encode("utf-16-be"))
    except TypeError:
        raise ValueError("a key is no text") from None
    return "{" + ",".join([f"{_quoted(key)}:{_text(value[key])}" for key in keys]) + "}"


def _list_text(value: list[Any]) -> str:
    return "[" + ",".join([_text(item) for item in value]) + "]"


def _integer_text(value: int) -> str:
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise ValueError("a whole number is beyond 2^53, where JSON numbers are no longer exact")
    return str(value)


def _float_text(value: float) -> str:
    text = repr(value)
    if text.endswith(".0"):
        return "0" if value == 0.0 else text[:-2]
    if "e" not in text and "n" not in text:
        return text
    if not math.isfinite(value):
        raise ValueError(f"{text} is no JSON number")
    return rfc8785.dumps(value).decode("ascii")


_WRITERS: dict[type, Callable[[Any], str]] = {
    str: _quoted,
    float: _float_text,
    int: _integer_text,
    dict: _object_text,
    list: _list_text,
    bool: lambda value: "true" if value else "false",
    type(None): lambda value: "null",
}


def read_json(data: bytes, *, bytes_max: int = 65_536, depth_max: int = 16) -> JsonValue:
    """The value that the text means, if it has a canonical form; else ValueError with one plain sentence.

    Stricter than most readers, because what two of them may take for two things must not be signed: UTF-8 without a
    byte order mark, no key twice in an object, no NaN, no number that a double cannot hold, no half surrogate. `bytes_max`
    and `depth_max` bound what a stranger can make it cost.
    """
    if len(data) > bytes_max:
        raise ValueError(f"it is longer than {bytes_max} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8: byte {error.start} is no part of a character") from None
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark, which JSON does not have")
    # Counted before it is read: the reader recurses. Most texts have fewer brackets than that in all.
    if text.count("{") + text.count("[") > depth_max and _depth(text) > depth_max:
        raise ValueError(f"it is nested more than {depth_max} deep")
    try:
        value: JsonValue = _READER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"it is no JSON: {_first_small(error.msg)} at line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise ValueError(f"it is nested more than {depth_max} deep") from None
    if "\\u" in text and _has_half_surrogate(value):
        raise ValueError("it holds half of a surrogate pair, which is no character")
    return value


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside texts."""
    depth = deepest = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in ("{", "["):
            depth += 1
            deepest = max(deepest, depth)
        elif token in ("}", "]"):
            depth -= 1
    return deepest


def _object(pairs: Sequence[tuple[str, JsonValue]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {_cut(ascii(key))} stands twice in one object")
            seen.add(key)
    return value


def _integer(text: str) -> int | float:
    """A whole number or, beyond 2^53, the double that is written so."""
    # Its length first: to read a number of 60,000 digits takes longer than all the rest.
    if len(text) <= 22:
        value = int(text)
        if -INTEGER_MAX <= value <= INTEGER_MAX:
            return value
        if _float_text(double := float(value)) == text:
            return double
    raise ValueError(f"{_cut(text)} is beyond 2^53, where JSON numbers are no longer exact")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{_cut(text)} is larger than any double")
    return value


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _has_half_surrogate(value: JsonValue) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:36] + "..."


def _first_small(text: str) -> str:
    return text[:1].lower() + text[1:]


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_no_number, strict=True
)
