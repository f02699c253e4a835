"""What pydantic's errors are called in plain language, and how each is mended."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import ErrorDetails

from aurora_sim.scenario.composer import shortened
from aurora_sim.scenario.errors import did_you_mean
from aurora_sim.scenario.shape import Place

_NOUNS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "none_required": "null",
}
_MENDS = {
    "a whole number": "Give a whole number",
    "a number": "Give a number",
    "a finite number": "Give a finite number",
    "text": "Give text",
    "true or false": "Write true or false",
    "a mapping of keys to values": "Write `key: value` lines under it, or {key: value}",
    "a list": "Write it as [a, b], or as lines that begin with -",
    "null": "Leave the value out",
}
# The words that YAML 1.1 took for booleans, and this reader takes for text as YAML 1.2 does.
_OLD_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_COMPARISONS = {
    "greater_than": ("gt", "not above"),
    "greater_than_equal": ("ge", "below"),
    "less_than": ("lt", "not below"),
    "less_than_equal": ("le", "above"),
    "multiple_of": ("multiple_of", "not a multiple of"),
}


def shown(value: Any) -> str:
    """A value in a message, on one line and short: text in quotes and with its control characters escaped."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    return shortened(repr(value))


def noun_of(error: ErrorDetails) -> str | None:
    """The kind of value that was wanted, for the errors that are about the kind alone."""
    return error["ctx"]["noun"] if error["type"] == "not_the_kind" else _NOUNS.get(error["type"])


def not_any_of(value: Any, nouns: list[str]) -> tuple[str, str]:
    """What is wrong, and the mend, where several kinds would do."""
    kinds = " or ".join(dict.fromkeys(nouns))
    return _no(kinds, value), f"Give {kinds}"


def worded(error: ErrorDetails, place: Place) -> tuple[str, str]:
    """What is wrong, and the mend."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    noun = noun_of(error)
    if kind == "missing":
        return f"{place.keys[-1]} is missing", _with_description(f"Add `{place.keys[-1]}: ...`", place)
    if kind == "extra_forbidden":
        return "unknown key", did_you_mean(str(place.keys[-1]), place.known_keys)
    if kind == "union_tag_not_found":
        key = str(context["discriminator"]).strip("'")
        return f"{key} is missing", f"Add `{key}: ...`, which says what kind of entry this is"
    if kind == "union_tag_invalid":
        return f"{shown(context['tag'])} is not known", did_you_mean(context["tag"], _quoted(context["expected_tags"]))
    if kind in ("literal_error", "enum"):
        known = _quoted(context["expected"]) or [context["expected"]]
        return f"{shown(value)} is not known", did_you_mean(str(value), known)
    if kind in _COMPARISONS:
        name, words = _COMPARISONS[kind]
        return f"{shown(value)} is {words} {_number(context[name])}", f"Give {_range(place, context)}"
    if kind in ("value_error", "assertion_error"):
        what, _, mend = str(context["error"]).partition(". ")
        return what.rstrip("."), mend.rstrip(".") or _with_description("Correct it", place)
    if "mend" in context:
        return error["msg"] if noun is None else _no(noun, value), str(context["mend"])
    if noun is not None:
        return _no(noun, value), _mend_of_kind(noun, value, place)
    return _length_or_pattern(error, place)


def _no(noun: str, value: Any) -> str:
    return "there is no value" if value is None else f"{shown(value)} is not {noun}"


def _mend_of_kind(noun: str, value: Any, place: Place) -> str:
    if noun == "true or false" and str(value).lower() in _OLD_BOOLEANS:
        return f"Write {_OLD_BOOLEANS[str(value).lower()]}"
    if noun == "text" and isinstance(value, bool | int | float):
        return f'Put it in quotes: "{shown(value)}"'
    if noun == "a whole number" and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return f"Write {int(value)}"
    if noun.endswith("number") and isinstance(value, str) and re.fullmatch(r"[-+]?[0-9.]+", value):
        return "Take the quotes away"
    return _with_description(_MENDS[noun], place)


def _with_description(mend: str, place: Place) -> str:
    return f"{mend} ({place.description.rstrip('.')})" if place.description else mend


def _range(place: Place, context: dict[str, Any]) -> str:
    """The whole range, from the field's bounds where they are known, else the side of it that was broken."""
    bounds = dict(context)
    for bound in place.bounds:
        bounds |= {
            name: getattr(bound, name) for name in ("ge", "gt", "le", "lt", "multiple_of") if hasattr(bound, name)
        }
    number = {name: _number(bound) for name, bound in bounds.items()}
    if "ge" in number and "le" in number:
        words = [f"from {number['ge']} to {number['le']}"]
    else:
        low = f"of {number['ge']} or more" if "ge" in number else f"above {number['gt']}" if "gt" in number else ""
        high = f"of at most {number['le']}" if "le" in number else f"below {number['lt']}" if "lt" in number else ""
        words = [words for words in (low, high) if words]
    if "multiple_of" in number:
        words.append(f"that is a multiple of {number['multiple_of']}")
    return "a number " + " and ".join(words)


def _number(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _length_or_pattern(error: ErrorDetails, place: Place) -> tuple[str, str]:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "string_too_short":
        return f"{shown(value)} is too short", f"Give at least {context['min_length']} characters"
    if kind == "string_too_long":
        return f"{shown(value)} is too long", f"Give at most {context['max_length']} characters"
    if kind == "string_pattern_mismatch":
        return f"{shown(value)} is not written as it must be here", _with_description(
            f"It must match {context['pattern']}", place
        )
    if kind == "too_short":
        return f"it has {context['actual_length']} entries", f"Give at least {context['min_length']}"
    if kind == "too_long":
        return f"it has {context['actual_length'] or 'too many'} entries", f"Give at most {context['max_length']}"
    # An error that no model of ours raises today: pydantic's own words are better than none.
    return f"{shown(value)} is not accepted ({error['msg']})", _with_description("Correct it", place)


def _quoted(text: str) -> list[str]:
    """The names in "'outage', 'price' or 'latency'", as pydantic lists them."""
    return re.findall(r"'([^']*)'", text)
