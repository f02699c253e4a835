"""Promise: each kind of value takes its whole range in every spelling, nothing else, and its JSON Schema says the same."""

# ruff: noqa: RUF005  (tables of cases)

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from aurora_sim.scenario.quantities import (
    SECONDS_MAX,
    Count,
    Factor,
    NonNegative,
    NonNegativeFactor,
    Positive,
    PositiveCount,
    PositiveSeconds,
    Rate,
    Seconds,
    Share,
    Strict,
    Timestamp,
    parse_duration,
)

INF = float("inf")
NUMBERS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "Share": (Share, [0, 1, 0.25], [-0.01, 1.01]),
    "Factor": (Factor, [0.1, 3, 1e300], [0, -1]),
    "NonNegativeFactor": (NonNegativeFactor, [0, 3], [-1]),
    "Rate": (Rate, [0, 3.5], [-1]),
    "Positive": (Positive, [0.1], [0, -0.0]),
    "NonNegative": (NonNegative, [0], [-1e-300]),
    "Count": (Count, [0, 7, 2**53], [-1, 1.5, 2**53 + 1]),
    "PositiveCount": (PositiveCount, [1], [0, 1.5]),
    "Seconds": (Seconds, [0, 90, 0.25, SECONDS_MAX], [-1, SECONDS_MAX + 1]),
    "PositiveSeconds": (PositiveSeconds, [0.001], [0, -1]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_kind_takes_its_range_and_its_schema_says_the_same(name: str) -> None:
    kind, good, bad = NUMBERS[name]
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    schema = jsonschema.Draft202012Validator(adapter.json_schema())
    for value in good:
        assert adapter.validate_python(value) == value
        assert schema.is_valid(value), value
    for value in [*bad, True, None, [], {}, "x"]:
        assert not schema.is_valid(value), value
        _refused(adapter, value)
    for value in [INF, -INF, float("nan"), "0.5", "1", b"1"]:
        _refused(adapter, value)


def _refused(adapter: TypeAdapter[Any], value: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        adapter.validate_python(value)
    (error,) = raised.value.errors()
    assert error["ctx"]["mend"], value


DURATIONS = {
    "0s": 0, "45s": 45, "30m": 1800, "1.5h": 5400, "90s": 90, "2d": 172800, "250ms": 0.25, "1h30m": 5400, "0.1h": 360,
    "1d2h3m4s5ms": 93784.005, "100m": 6000, "1h0m": 3600,
}  # fmt: skip


@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_may_be_a_text(text: str) -> None:
    adapter = TypeAdapter(Seconds)
    assert adapter.validate_python(text) == DURATIONS[text]
    jsonschema.validate(text, adapter.json_schema())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "m",
        "-1s",
        "1 h",
        "1h ",
        "1h\n",
        "30m1h",
        "1h1h",
        "1H",
        "1w",
        "٣s",
        ".5h",
        "1e3s",
        "4000d",
        "9" * 99 + "d",
    ],
)
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    _refused(TypeAdapter(Seconds), text)


@given(*(st.integers(0, 999) for _ in range(5)))
def test_a_duration_is_the_sum_of_its_parts(
    days: int, hours: int, minutes: int, seconds: int, milliseconds: int
) -> None:
    exact = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
    assert parse_duration(f"{days}d{hours}h{minutes}m{seconds}s{milliseconds}ms") == exact.total_seconds()


@pytest.mark.parametrize(
    "text", ["2026-01-05T14:00:00Z", "2026-01-05T15:00:00+01:00", "2026-01-05 14:00+00:00", "20260105T140000Z"]
)
def test_a_timestamp_is_normalised_to_utc(text: str) -> None:
    instant = TypeAdapter(Timestamp).validate_python(text)
    assert instant == datetime(2026, 1, 5, 14, tzinfo=UTC)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    ["2026-01-05", "2026-01-05T14:00:00", "14:00Z", "now", "", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+10:00", 0, 1e9, None]
    + [datetime(2026, 1, 5), True],
)  # fmt: skip
def test_a_timestamp_without_its_offset_is_refused(value: object) -> None:
    _refused(TypeAdapter(Timestamp), value)


def test_a_timestamp_goes_to_json_and_back() -> None:
    adapter = TypeAdapter(Timestamp)
    instant = datetime(2026, 1, 5, 15, tzinfo=timezone(timedelta(hours=1)))
    assert adapter.dump_json(adapter.validate_python(instant)) == b'"2026-01-05T14:00:00Z"'


class Part(Strict):
    counts: tuple[int, ...] = ()
    by_size: dict[int, float] = Field(default_factory=dict)
    inner: tuple[Part, ...] = ()


def test_a_strict_model_takes_lists_for_tuples_and_texts_for_integer_keys() -> None:
    part = Part.model_validate({"counts": [1, 2], "by_size": {"8": 1}, "inner": [{"counts": [3]}]})
    assert (part.counts, part.by_size, part.inner[0].counts) == ((1, 2), {8: 1.0}, (3,))


@pytest.mark.parametrize(
    "data",
    [{"counts": ["1"]}, {"counts": [True]}, {"by_size": {"8": "1"}}, {"by_size": {"8": float("nan")}}, {"other": 1}]
    + [{"inner": [{"counts": ["1"]}]}],
)  # fmt: skip
def test_a_strict_model_converts_nothing_else(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Part.model_validate(data)


def test_a_strict_model_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Part().counts = (1,)  # type: ignore[misc]
