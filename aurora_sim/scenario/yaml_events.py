"""YAML text as events for the composer; anchors, aliases, tags and second documents are refused on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from aurora_sim.scenario.composer import Event, Kind, Refusal, shortened

# libyaml's *parser* streams and keeps its stack on the heap: a million brackets are safe as long as nobody asks for all
# of them. It is PyYAML's C *composer*, not used here, that recurses and crashes.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Parts of the messages of libyaml and of the pure loader (they differ), and what they mean to whoever typed the line.
_ALIGN = "Align it with its neighbours, or put the text above it in quotes"
_UNCLOSED = "that is opened here has no comma between its entries, or is not closed"
_TRANSLATIONS = (
    ("found a tab", "a tab where spaces are due", "Use spaces"),
    ("mapping values are not allowed", "a second colon, or a key that is indented too far", _ALIGN),
    ("sequence entries are not allowed", "a list item on the line of its key", "Begin the list on the next line"),
    ("could not find expected ':'", "a line without a colon where a key is due", "Write `key: value`"),
    ("',' or ']'", f"a list {_UNCLOSED}", "Put the missing , or ]"),
    ("',' or '}'", f"a mapping {_UNCLOSED}", "Put the missing , or }"),
    ("unexpected end of stream", "a quoted text that is opened here is not closed", "Put the closing quote"),
    ("unknown escape character", "a backslash that escapes nothing", "Double it, or use single quotes"),
    ("expected node content", "no value where one is due", "Give the value, or close the bracket"),
    ("expected the node content", "no value where one is due", "Give the value, or close the bracket"),
    ("incompatible YAML document", "an unknown version of YAML", "Take the %YAML line out"),
    ("did not find expected key", "the line does not fit the lines above it", _ALIGN),
    ("'-' indicator", "the line does not fit the list above it", _ALIGN),
    ("expected <block end>", "the line does not fit the lines above it", _ALIGN),
    ("<document start>", "text after the end of the document", "Take it out, or put it inside"),
)


def yaml_events(text: str) -> Iterator[Event]:
    """The events of the one document in the text. Raises Refusal, also for none or two documents."""
    documents = 0
    try:
        for event in yaml.parse(text, _LOADER):
            line, column = _place(event.start_mark)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise Refusal(
                        line, column, "a second document begins here", "Keep one document in a file: take the --- out"
                    )
            elif isinstance(event, yaml.NodeEvent):
                _refuse_what_runs_or_multiplies(event, line, column)
                yield _translated(event, line, column)
            elif isinstance(event, yaml.CollectionEndEvent):
                yield Event(Kind.END, line, column)
    except yaml.MarkedYAMLError as error:
        raise _refusal(error, text) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the pure loader lets chr() and int() fail
        reason = shortened(" ".join(str(error).split()))
        raise Refusal(
            1, 1, f"not readable as YAML ({reason})", "Look for odd escapes, or save it as plain text"
        ) from None
    if documents == 0:
        raise Refusal(1, 1, "the file is empty", "Put `key: value` lines into it")


def _translated(event: yaml.NodeEvent, line: int, column: int) -> Event:
    if isinstance(event, yaml.ScalarEvent):
        return Event(Kind.SCALAR, line, column, event.value, plain=event.style is None or event.style == "")
    return Event(Kind.MAPPING if isinstance(event, yaml.MappingStartEvent) else Kind.LIST, line, column)


def _refuse_what_runs_or_multiplies(event: yaml.NodeEvent, line: int, column: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        sign = "an alias (*" if isinstance(event, yaml.AliasEvent) else "an anchor (&"
        mend = "Write the value out, or put it in quotes: a few aliases can unfold into gigabytes, so none are read"
        raise Refusal(line, column, f"{sign}{shortened(str(event.anchor))}) is used", mend)
    tag = getattr(event, "tag", None)
    if tag is not None:
        name = shortened(tag.replace("tag:yaml.org,2002:", "!!"))
        mend = "Take it out: tags are not accepted, and a text that begins with ! needs quotes"
        raise Refusal(
            line, column, f"the tag {name} {'asks for code to be run' if 'python' in tag else 'is used'}", mend
        )


def _refusal(error: yaml.MarkedYAMLError, text: str) -> Refusal:
    problem = error.problem or "no reason given"
    mark = error.problem_mark or error.context_mark
    if "cannot start any token" in problem and mark is not None:
        return _wrong_character(text, mark.line, mark.column)
    for part, what, mend in _TRANSLATIONS:
        if part in problem:
            # "opened here" is where the reader must look, which is the context and not the end of the file
            place = error.context_mark if "opened here" in what and error.context_mark is not None else mark
            return Refusal(*_place(place), what, mend)
    return Refusal(
        *_place(mark), f"not readable as YAML ({shortened(problem)})", "Compare the line with the one above it"
    )


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _wrong_character(text: str, line: int, column: int) -> Refusal:
    lines = text.splitlines()
    character = lines[line][column : column + 1] if line < len(lines) else ""
    if character == "\t":
        return Refusal(line + 1, column + 1, "a tab where spaces are due", "Use spaces")
    return Refusal(line + 1, column + 1, f"a value cannot begin with {shortened(character)}", "Put it in quotes")
