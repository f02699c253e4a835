"""As much of ASN.1's DER as time stamps need: a writer, and a reader that refuses whatever is not DER.

Values are bytes throughout: a writer's result is another's part.
"""

from __future__ import annotations

from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31


def value(tag: int, content: bytes) -> bytes:
    """One value: tag, length, content."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts: bytes) -> bytes:
    return value(SEQUENCE, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """A SET OF, whose parts DER wants in the order of their bytes: signatures are over that order."""
    return value(SET, b"".join(sorted(parts)))


def integer(number: int) -> bytes:
    """A non-negative INTEGER."""
    assert number >= 0, "no negative number occurs in a time stamp"
    return value(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(content: bytes) -> bytes:
    return value(OCTET_STRING, content)


def null() -> bytes:
    return value(NULL, b"")


def identifier(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form."""
    first, second, *others = (int(arc) for arc in dotted.split("."))
    content = b""
    for arc in (first * 40 + second, *others):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        content += bytes(reversed(digits))
    return value(OBJECT_IDENTIFIER, content)


def explicit(number: int, part: bytes) -> bytes:
    """A part under an explicit context tag [number]."""
    return value(0xA0 | number, part)


class Reader:
    """Reads the values of some DER one after the other. Raises ValueError for what is not DER."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def tag(self) -> int | None:
        """The next value's tag; None at the end."""
        return self._data[self._at] if self._at < len(self._data) else None

    def take(self, tag: int) -> bytes:
        """The content of the next value, which must have this tag."""
        if self.tag != tag:
            found = "the end" if self.tag is None else f"tag {self.tag:#04x}"
            raise ValueError(f"tag {tag:#04x} was expected, and {found} found")
        start, length = self._length()
        if start + length > len(self._data):
            raise ValueError("a value is longer than the data")
        self._at = start + length
        return self._data[start : self._at]

    def take_integer(self) -> int:
        """The next value, a non-negative INTEGER."""
        content = self.take(INTEGER)
        if not content or content[0] & 0x80 or (len(content) > 1 and content[0] == 0 and not content[1] & 0x80):
            raise ValueError("an integer is negative, or not in its shortest form")
        return int.from_bytes(content, "big")

    def end(self) -> None:
        """Nothing more may follow."""
        if self.tag is not None:
            raise ValueError(f"{len(self._data) - self._at} bytes too many")

    def _length(self) -> tuple[int, int]:
        """Where the content of the next value starts, and its length."""
        at = self._at + 1
        if at >= len(self._data):
            raise ValueError("the data end inside a value")
        first = self._data[at]
        if first < 0x80:
            return at + 1, first
        count = first & 0x7F
        octets_ = self._data[at + 1 : at + 1 + count]
        length = int.from_bytes(octets_, "big")
        if not 1 <= count <= 4 or len(octets_) < count or octets_[0] == 0 or length < 0x80:
            raise ValueError("a length is not in its shortest form, or too great")
        return at + 1 + count, length
