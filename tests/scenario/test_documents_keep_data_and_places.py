"""Promise: plain data comes back as it was written, by YAML 1.2's rules, and every value's line is known."""

# ruff: noqa: E501  (tables of cases)

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_sim.scenario.document import Document, read_document


def _read(tmp_path: Path, text: str, name: str = "s.yaml") -> Document:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_document(path)


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
)
_DATA = st.dictionaries(
    _TEXT, st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4))
)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_comes_back_as_it_was_written(ascii_only: bool, tmp_path: Path) -> None:
    @settings(max_examples=120, deadline=None)
    @given(_DATA, st.sampled_from([None, 1, "\t"]))
    def check(data: dict[str, Any], indent: int | str | None) -> None:
        text = json.dumps(data, ensure_ascii=ascii_only, indent=indent)
        # Raw control characters are refused in any file, though JSON would allow these few.
        if all(character.isprintable() or character in "\t\n\x85\xa0\u2028\u2029\ufeff" for character in text):
            assert _read(tmp_path, text, "s.json").data == data

    check()


def test_yaml_comes_back_as_it_was_written(tmp_path: Path) -> None:
    @settings(max_examples=120, deadline=None)
    @given(_DATA)
    def check(data: dict[str, Any]) -> None:
        assert _read(tmp_path, _block(data)).data == data

    check()


def _block(value: Any, indent: str = "") -> str:
    """Block YAML, with the texts in double quotes as a YAML 1.2 dumper would write them."""
    if isinstance(value, dict) and value:
        return "".join(f"\n{indent}{_quoted(key)}: {_block(inner, indent + '  ')}" for key, inner in value.items())
    if isinstance(value, list) and value:
        return "".join(f"\n{indent}- {_block(inner, indent + '  ')}" for inner in value)
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


SCALARS = [
    ("120", 120), ("-7", -7), ("+7", 7), ("007", 7), ("0o17", 15), ("0xff", 255), ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5),
    ("-1.5E-3", -0.0015), ("no", "no"), ("on", "on"), ("Yes", "Yes"), ("y", "y"), ("true", True), ("False", False), ("~", None),
    ("", None), ("null", None), ("nULL", "nULL"), ("'5'", "5"), ('"true"', "true"), ("2026-01-05T14:00:00Z", "2026-01-05T14:00:00Z"),
    ("2026-01-05", "2026-01-05"), ("1_000", "1_000"), ("1:30", "1:30"), ("0b1", "0b1"), ("30m", "30m"), ("=", "="),
    ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("a b  # c", "a b"), ("|\n  x\n  y", "x\ny"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "value"), SCALARS)
def test_a_scalar_is_typed_by_yaml_1_2(written: str, value: object, tmp_path: Path) -> None:
    read = _read(tmp_path, f"a: {written}").data["a"]
    assert (type(read), read) == (type(value), value)


def test_lines_and_columns_are_those_of_the_keys_and_items(tmp_path: Path) -> None:
    text = "# head\ntitle: x\nworld:\n  providers: {akash: {capacity: 1},\n    flux: 2}\nmethod:\n  - at: 1\n    for: 2\n  - 7\n"
    document = _read(tmp_path, text)
    assert document.marks == {
        (): (2, 1),
        ("title",): (2, 1),
        ("world",): (3, 1),
        ("world", "providers"): (4, 3),
        ("world", "providers", "akash"): (4, 15),
        ("world", "providers", "akash", "capacity"): (4, 23),
        ("world", "providers", "flux"): (5, 5),
        ("method",): (6, 1),
        ("method", 0): (7, 5),
        ("method", 0, "at"): (7, 5),
        ("method", 0, "for"): (8, 5),
        ("method", 1): (9, 5),
    }
    assert document.where(("method", 0, "for")) == f"{tmp_path}/s.yaml:8: method.0.for"
    assert document.where(("method", 0, "ramp")) == f"{tmp_path}/s.yaml:7: method.0.ramp"


def test_json_and_yaml_agree_on_places(tmp_path: Path) -> None:
    text = '{"a": 1,\n "b": [true, {"c": null}],\n "d": {}}'
    assert _read(tmp_path, text, "s.json").marks == _read(tmp_path, text, "s.yaml").marks


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")
    document = read_document(path)
    assert document.data == {"a": 1, "b": "x"}
    assert document.marks["b",] == (2, 1)
    assert document.sha256 == hashlib.sha256(b"\xef\xbb\xbfa: 1\r\nb: x\r\n").hexdigest()


def test_tabs_and_surrogate_pairs_and_line_separators_are_fine_in_json(tmp_path: Path) -> None:
    text = '{\t"a":\t"\\ud83d\\ude00 \\t \u2028"\t}'
    assert _read(tmp_path, text, "s.json").data == {"a": "😀 \t \u2028"}
