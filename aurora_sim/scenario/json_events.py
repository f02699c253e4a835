"""JSON text as events for the composer.

JSON is nearly YAML, but not quite: YAML refuses tabs between tokens and the surrogate pairs of `\\ud83d\\ude00`, and
folds a raw U+2028 in a text. So JSON has its own reader here (RFC 8259), which gives the same events.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterator

from aurora_sim.scenario.composer import Event, Kind, Refusal, shortened

_CLOSING = {"{": "}", "[": "]"}
_SPACES = " \t\r\n"
_SPACE = re.compile(rf"[{_SPACES}]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\.)*+"')
_WORD = re.compile(r"[^\s{}\[\],:\"]+")
_LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-?(?:NaN|Infinity)")


def json_events(text: str) -> Iterator[Event]:
    """The events of the one value in the text. Raises Refusal."""
    reader = _Reader(text)
    if reader.peek() == "":
        raise reader.refusal("the file is empty", 'Put {"key": value} into it')
    yield from reader.events()
    if reader.peek() != "":
        raise reader.refusal("text after the end of the document", "Take it out, or put it inside the brackets")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.line_starts = [0, *(match.end() for match in re.finditer(r"\n", text))]

    def events(self) -> Iterator[Event]:
        """The events of one value, by a loop that keeps what is open: each would else go through a generator for each level."""
        opened: list[tuple[str, tuple[int, int]]] = []  # the bracket that closes it, and where it was opened
        while True:
            character = self.peek()
            whole = character not in _CLOSING
            if whole:
                yield self.string() if character == '"' else self.word()
            else:
                yield self.event(Kind.MAPPING if character == "{" else Kind.LIST)
                opened.append((_CLOSING[character], self.place()))
                self.offset += 1
            while opened:
                closing, place = opened[-1]
                if whole:
                    self.comma(closing, place)
                if self.peek() != closing:
                    break
                yield self.event(Kind.END)
                self.offset += 1
                opened.pop()
                whole = True
            if not opened:
                return
            if opened[-1][0] == "}":
                yield self.key()

    def comma(self, closing: str, opened: tuple[int, int]) -> None:
        """Go by the comma after a value; there need be none before the closing bracket."""
        if self.peek() == ",":
            self.offset += 1
            if self.peek() == closing:
                raise self.refusal(
                    f"a comma before the closing {closing}", "Take the comma out: JSON does not allow it"
                )
        elif self.peek() != closing:
            kind = "mapping" if closing == "}" else "list"
            raise Refusal(
                *opened,
                f"a {kind} that is opened here has no comma between its entries, or is not closed",
                f"Put the missing , or {closing}",
            )

    def key(self) -> Event:
        if self.peek() != '"':
            raise self.refusal("a key without double quotes", 'Write it as "key": value')
        key = self.string()
        if self.peek() != ":":
            raise self.refusal("no colon after the key", 'Write it as "key": value')
        self.offset += 1
        return key

    def string(self) -> Event:
        match = _STRING.match(self.text, self.offset)
        if match is None:
            raise self.refusal(
                "a quoted text that is opened here is not closed on its line",
                "Put the closing quote, and \\n for a new line",
            )
        text = match.group()[1:-1]
        if "\\" in text:
            try:
                text = json.loads(match.group())
            except ValueError:
                raise self.refusal("a backslash that escapes nothing", "Double the backslash") from None
        return self.scalar(text, match.end(), plain=False)

    def word(self) -> Event:
        match = _WORD.match(self.text, self.offset)
        word = match.group() if match else self.text[self.offset : self.offset + 1]
        if match is None or not _LITERAL.fullmatch(word):
            if word.startswith(("//", "/*", "#")):
                raise self.refusal("a comment, which JSON does not have", "Take it out, or save the file as .yaml")
            found = shortened(word) if word else "the end of the file"
            raise self.refusal(
                f"{found} where a value is due", "Texts need double quotes; else give a number, true, false or null"
            )
        return self.scalar(word, match.end(), plain=True)

    def scalar(self, text: str, end: int, plain: bool) -> Event:
        line, column = self.place()
        self.offset = end
        return Event(Kind.SCALAR, line, column, text, plain)

    def peek(self) -> str:
        """The next character that is not space, without taking it; empty at the end."""
        character = self.text[self.offset : self.offset + 1]
        if character in _SPACES:  # the empty text at the end is too
            match = _SPACE.match(self.text, self.offset)
            self.offset = match.end() if match else self.offset
            character = self.text[self.offset : self.offset + 1]
        return character

    def event(self, kind: Kind) -> Event:
        return Event(kind, *self.place())

    def place(self) -> tuple[int, int]:
        line = bisect.bisect_right(self.line_starts, self.offset)
        return line, self.offset - self.line_starts[line - 1] + 1

    def refusal(self, what: str, mend: str) -> Refusal:
        return Refusal(*self.place(), what, mend)
