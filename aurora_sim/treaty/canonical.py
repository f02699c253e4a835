"""The one form in which a JSON value is signed and hashed (RFC 8785), and a reader that lets only such values in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from json.encoder import encode_basestring as _quoted
from typing import Any, TypeAlias

import rfc8785

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

INTEGER_MAX = 2**53 - 1
"""The largest whole number of which a JSON number is a faithful copy everywhere (RFC 8785, section 3.2.2.3)."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def canonical(value: JsonValue) -> bytes:
    """The canonical form: keys sorted by UTF-16, no space, numbers as ECMAScript writes them, in UTF-8.

    1 and 1.0 are one number and have one form. Raises ValueError for what has none: NaN and infinities, whole numbers
    beyond 2^53 - 1, half of a surrogate pair, keys that are no text, objects that JSON does not know.
    """
    parts: list[str] = []
    try:
        _write(value, parts)
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no character") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _write(value: Any, parts: list[str]) -> None:
    """The form of one value, in pieces. The package `rfc8785` writes the same bytes in four times the time.

    What it is rarely asked for is left to it: numbers with an exponent, and the order of keys that are not ASCII.
    """
    kind = type(value)
    if kind is str:
        parts.append(_quoted(value))
    elif kind is float:
        parts.append(_number(value))
    elif kind is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise ValueError(f"{_short(value)} is beyond 2^53, where JSON numbers are no longer exact")
        parts.append(str(value))
    elif kind is dict:
        _write_object(value, parts)
    elif kind is list:
        separator = "["
        for item in value:
            parts.append(separator)
            _write(item, parts)
            separator = ","
        parts.append("]" if value else "[]")
    elif value is None:
        parts.append("null")
    elif kind is bool:
        parts.append("true" if value else "false")
    else:
        raise ValueError(f"{kind.__name__} is no kind of JSON value")


def _write_object(value: dict[str, Any], parts: list[str]) -> None:
    try:
        keys = sorted(value)
        if not "".join(keys).isascii():
            keys.sort(key=lambda key: key.encode("utf-16-be"))
    except TypeError:
        raise ValueError("a key is no text") from None
    separator = "{"
    for key in keys:
        parts.append(separator)
        parts.append(_quoted(key))
        parts.append(":")
        _write(value[key], parts)
        separator = ","
    parts.append("}" if keys else "{}")


def _number(value: float) -> str:
    text = repr(value)
    if text.endswith(".0"):
        return "0" if value == 0.0 else text[:-2]
    if "e" not in text and "n" not in text:
        return text
    if not math.isfinite(value):
        raise ValueError(f"{text} is no JSON number")
    return rfc8785.dumps(value).decode("ascii")


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
                raise ValueError(f"the key {_short(key)} stands twice in one object")
            seen.add(key)
    return value


def _integer(text: str) -> int:
    # Its length first: to read a number of 60,000 digits takes longer than all the rest.
    if len(text) > 17 or not -INTEGER_MAX <= (value := int(text)) <= INTEGER_MAX:
        raise ValueError(f"{_short(text)} is beyond 2^53, where JSON numbers are no longer exact")
    return value


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{_short(text)} is larger than any double")
    return value


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _has_half_surrogate(value: JsonValue) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _short(value: object) -> str:
    """A stranger's text or number in a message: on one line, printable and short."""
    text = _NOT_ASCII.sub("?", repr(value) if isinstance(value, str) else str(value))
    return text if len(text) <= 40 else text[:36] + "..."


def _first_small(text: str) -> str:
    return text[:1].lower() + text[1:]


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_no_number, strict=True
)
