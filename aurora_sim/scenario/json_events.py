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

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\.)*+"')
_WORD = re.compile(r"[^\s{}\[\],:\"]+")
_LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-?(?:NaN|Infinity)")


def json_events(text: str) -> Iterator[Event]:
    """The events of the one value in the text. Raises Refusal."""
    reader = _Reader(text)
    if reader.peek() == "":
        raise reader.refusal("the file is empty", 'Put {"key": value} into it')
    # A generator inside a generator for each level: never deeper than the composer's limit, at which it stops asking.
    yield from reader.value()
    if reader.peek() != "":
        raise reader.refusal("text after the end of the document", "Take it out, or put it inside the brackets")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.line_starts = [0, *(match.end() for match in re.finditer(r"\n", text))]

    def value(self) -> Iterator[Event]:
        character = self.peek()
        if character == "{":
            yield self.event(Kind.MAPPING)
            yield from self.entries("}")
        elif character == "[":
            yield self.event(Kind.LIST)
            yield from self.entries("]")
        elif character == '"':
            yield self.string()
        else:
            yield self.word()

    def entries(self, closing: str) -> Iterator[Event]:
        opened = self.place()
        self.offset += 1
        while self.peek() != closing:
            if closing == "}":
                yield self.key()
            yield from self.value()
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
        yield self.event(Kind.END)
        self.offset += 1

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
        try:
            decoded = json.loads(match.group())
        except ValueError:
            raise self.refusal("a backslash that escapes nothing", "Double the backslash") from None
        event = self.event(Kind.SCALAR)._replace(text=decoded)
        self.offset = match.end()
        return event

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
        event = self.event(Kind.SCALAR)._replace(text=word, plain=True)
        self.offset = match.end()
        return event

    def peek(self) -> str:
        """The next character that is not space, without taking it; empty at the end."""
        match = _SPACE.match(self.text, self.offset)
        self.offset = match.end() if match else self.offset
        return self.text[self.offset : self.offset + 1]

    def event(self, kind: Kind) -> Event:
        return Event(kind, *self.place())

    def place(self) -> tuple[int, int]:
        line = bisect.bisect_right(self.line_starts, self.offset)
        return line, self.offset - self.line_starts[line - 1] + 1

    def refusal(self, what: str, mend: str) -> Refusal:
        return Refusal(*self.place(), what, mend)
