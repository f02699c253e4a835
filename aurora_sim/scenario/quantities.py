"""The kinds of value that scenario and config models are made of, each with its range, its message and its JSON Schema.

A kind is an ordinary type with a `_Kind` attached: whatever is wrong with a value, its one error says how to write it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from aurora_sim.scenario.strict import Strict, wrong

SECONDS_MAX = 3650 * 86400.0  # ten years: longer than any run, and small enough to be counted in steps and microseconds
_UNIT_SECONDS = {"d": Decimal(86400), "h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
# Largest unit first, each at most once: 1h30m. It is the JSON Schema's pattern too, so it keeps to what ECMA knows.
DURATION_PATTERN = "^(?=[0-9])" + "".join(f"(?:({_NUMBER}){unit})?" for unit in _UNIT_SECONDS) + "$"
_DURATION = re.compile(DURATION_PATTERN)


@dataclass(frozen=True)
class _Kind:
    """Attached to a type: turns each of its errors into "VALUE is not NOUN" with one mend."""

    noun: str
    mend: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source),
            custom_error_type="not_the_kind",
            custom_error_message="not {noun}",
            custom_error_context={"noun": self.noun, "mend": self.mend},
        )


def parse_duration(value: Any) -> Any:
    """Seconds of a text such as 1h30m, 1.5h, 90s or 250ms; anything else is given back for the number's own check."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    # Decimal, so that 250ms is 0.25 and 0.1h is 360 to the last bit
    return float(
        sum(Decimal(count) * unit for count, unit in zip(match.groups(), _UNIT_SECONDS.values(), strict=True) if count)
    )


def parse_signed_duration(value: Any) -> Any:
    """The same of a text that may begin with a minus."""
    if isinstance(value, str) and value.startswith("-"):
        seconds = parse_duration(value[1:])
        return -seconds if isinstance(seconds, float) else value
    return parse_duration(value)


@dataclass(frozen=True)
class _Duration:
    above: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.float_schema(
            strict=True, allow_inf_nan=False, ge=0.0 if self.above is None else None, gt=self.above, le=SECONDS_MAX
        )
        return core_schema.no_info_before_validator_function(parse_duration, number)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        low = {"minimum": 0} if self.above is None else {"exclusiveMinimum": self.above}
        return {
            "anyOf": [
                {"type": "number", **low, "maximum": SECONDS_MAX},
                {"type": "string", "pattern": DURATION_PATTERN},
            ],
            "description": "A duration: seconds, or a text such as 30m, 1h30m, 1.5h or 250ms.",
        }


class _SignedDuration:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.float_schema(strict=True, allow_inf_nan=False, ge=-SECONDS_MAX, le=SECONDS_MAX)
        return core_schema.no_info_before_validator_function(parse_signed_duration, number)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "number", "minimum": -SECONDS_MAX, "maximum": SECONDS_MAX},
                {"type": "string", "pattern": DURATION_PATTERN.replace("^", "^-?", 1)},
            ],
            "description": "A duration, or one before its sign: seconds, or a text such as 90s or -1m30s.",
        }


def parse_timestamp(value: Any) -> datetime:
    """The instant in UTC, of an ISO 8601 text or a datetime with an offset: without one, nobody knows which instant."""
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(instant, datetime) and instant.utcoffset() is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError(
        "not_the_kind",
        "not {noun}",
        {
            "noun": "a date and time with its offset from UTC",
            "mend": "Write it as 2026-01-05T14:00:00Z, or with an offset such as +01:00",
        },
    )


class _Timestamp:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            parse_timestamp,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda instant: instant.isoformat().replace("+00:00", "Z"), when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time", "description": "An instant with its offset from UTC."}


_DURATION_MEND = "Give seconds, or a text such as 30m, 1h30m, 1.5h or 250ms"

Seconds = Annotated[float, _Duration(), _Kind("a duration (0 s to ten years)", _DURATION_MEND)]
"""Seconds as a float, 0 to ten years; written as a number or as 30m, 1h30m, 250ms."""

PositiveSeconds = Annotated[
    float, _Duration(above=0.0), _Kind("a duration above 0 s (at most ten years)", _DURATION_MEND)
]
"""The same without 0: for intervals, which would repeat without end."""

SignedSeconds = Annotated[
    float,
    _SignedDuration(),
    _Kind("a duration with its sign (at most ten years)", "Give seconds, or a text such as 90s or -1m30s"),
]
"""Seconds as a float, which may be below 0."""

Timestamp = Annotated[datetime, _Timestamp()]
"""A datetime in UTC."""

Share = Annotated[float, Field(ge=0, le=1, strict=True), _Kind("a share", "Give a number from 0 to 1, such as 0.25")]
"""A part of a whole, 0 to 1."""

Factor = Annotated[
    float,
    Field(gt=0, strict=True, allow_inf_nan=False),
    _Kind("a factor", "Give a number above 0, such as 1.5; 1 changes nothing"),
]
"""A multiplier above 0."""

NonNegativeFactor = Annotated[
    float,
    Field(ge=0, strict=True, allow_inf_nan=False),
    _Kind("a factor", "Give a number of 0 or more, such as 1.5; 1 changes nothing"),
]
"""A multiplier that may be 0."""

Rate = Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False), _Kind("a rate", "Give a number of 0 or more")]
"""How many in a unit of time, 0 or more; the key's last word says which unit."""

Positive = Annotated[
    float, Field(gt=0, strict=True, allow_inf_nan=False), _Kind("a number above 0", "Give a number above 0")
]
"""A finite number above 0."""

NonNegative = Annotated[
    float, Field(ge=0, strict=True, allow_inf_nan=False), _Kind("a number of 0 or more", "Give a number of 0 or more")
]
"""A finite number, 0 or more."""

Count = Annotated[int, Field(ge=0, le=2**53, strict=True), _Kind("a count", "Give a whole number of 0 or more")]
"""A whole number, 0 or more."""

PositiveCount = Annotated[int, Field(ge=1, le=2**53, strict=True), _Kind("a count", "Give a whole number of 1 or more")]
"""A whole number, 1 or more."""

__all__ = [
    "Count",
    "Factor",
    "NonNegative",
    "NonNegativeFactor",
    "Positive",
    "PositiveCount",
    "PositiveSeconds",
    "Rate",
    "Seconds",
    "Share",
    "SignedSeconds",
    "Strict",
    "Timestamp",
    "parse_duration",
    "parse_timestamp",
    "wrong",
]
