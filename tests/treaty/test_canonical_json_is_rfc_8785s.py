"""What is signed has one form, RFC 8785's; and the reader lets in only what has that form."""

from __future__ import annotations

import json
import math

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from aurora_sim.treaty.canonical import INTEGER_MAX, canonical, read_json

characters = st.characters(exclude_categories=["Cs"])
numbers = st.one_of(
    st.integers(-INTEGER_MAX, INTEGER_MAX),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(1e-8, 1e-3),
    st.floats(1e14, 1e23),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(characters, max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(characters, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
@example({"\U0001f600": 1, "\ue000": 2, "a": 3, "": 4})  # UTF-16 puts the emoji before U+E000, code points after
@example(['\x00\x1f\x7f"\\/\u2028é', -0.0, 1e21, 1e-7, 123456789012345680.0, 5e-324])
def test_it_writes_what_the_reference_writes(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
@example(2.0**69)
def test_what_it_writes_is_read_back_and_written_the_same(value):
    written = canonical(value)
    assert canonical(read_json(written)) == written


@given(values)
def test_space_and_escapes_do_not_matter(value):
    assert canonical(read_json(json.dumps(value, indent=2).encode())) == canonical(value)


@given(st.binary(max_size=60) | st.text('{}[]":,0123456789.eE+-\\ud8truefalsnNI ', max_size=60).map(str.encode))
def test_whatever_is_read_can_be_written(data):
    try:
        value = read_json(data)
    except ValueError as error:
        assert_one_plain_sentence(error)
    else:
        canonical(value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice in one object"),
        (b'{"b": [{"a": 1, "\\u0061": 2}]}', "stands twice"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b"-Infinity", "-Infinity is no JSON number"),
        (b"1e999", "1e999 is larger than any double"),
        (b"9007199254740993", "beyond 2^53"),  # most readers take it for 9007199254740992
        (b"-9007199254740993", "beyond 2^53"),
        (b"590295810358705651712", "beyond 2^53"),  # 2^69, which a double is, but writes otherwise
        (b"1" * 60_000, "beyond 2^53"),
        (b"[" * 17 + b"]" * 17, "nested more than 16 deep"),
        (b"[" * 60_000, "nested more than 16 deep"),
        (b'{"a":' * 12_000, "nested more than 16 deep"),
        (b'"' + b"a" * 65_536 + b'"', "longer than 65536 bytes"),
        (b'"\xff"', "not UTF-8: byte 1"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\\ud800"', "half of a surrogate pair"),
        (b'{"\\udfff": 1}', "half of a surrogate pair"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'"\n"', "no JSON: invalid control character at"),
        (b"", "no JSON: expecting value"),
        (b'{"a": 1', "line 1 column 8"),
        (b"{} {}", "no JSON: extra data"),
        (b'{"a": 01}', "no JSON"),
        (b"'a'", "no JSON"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_two_readers_may_take_for_two_things_is_refused(data, message):
    with pytest.raises(ValueError) as refused:
        read_json(data)
    assert message in str(refused.value)
    assert_one_plain_sentence(refused.value)


def test_brackets_in_a_text_are_no_nesting():
    assert read_json(b'["' + b"[" * 1_000 + b'\\"{"]') == ["[" * 1_000 + '"{']


def test_the_depth_is_exact():
    assert read_json(b"[" * 16 + b"]" * 16)
    assert read_json(b'[{"a": [1, 2]}, [[], []]]' * 1, depth_max=3)
    with pytest.raises(ValueError, match="deep"):
        read_json(b'[{"a": [1, 2]}, [[], []]]', depth_max=2)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, 2**53, -(2**53), 10**5000, "\ud800", {"\ud800": 1}, {1: 2}, {None: 1}, b"a", {"a": {1}}],
    ids=lambda value: ascii(value)[:16] if type(value) is not int else "",
)
def test_what_has_no_form_is_refused(value):
    with pytest.raises(ValueError) as refused:
        canonical(value)
    assert_one_plain_sentence(refused.value)


def test_what_holds_itself_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(ValueError, match="deep"):
        canonical(value)


def assert_one_plain_sentence(error: ValueError) -> None:
    """On one line, short, printable, and not an exception's bare text."""
    assert type(error) is ValueError
    assert str(error).isprintable()
    assert 10 < len(str(error)) < 120
