"""The rows of a CSV file that a user gives, read one by one: whatever is wrong is told by file and line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from aurora_sim.scenario.errors import InputError

ROWS_MAX: Final = 20_000_000
LINE_MAX: Final = 4096


def csv_rows(path: Path, columns: Sequence[str], what: str, *, header: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Each row's place (`file:line`) and its fields of `columns`, in their order; further columns are skipped.

    `what` says what file this is. Without `header` the columns stand as they are named, and the first line is a row. Raises
    InputError where the file is none, or is no such CSV, when it gets there.
    """
    named = ",".join(columns)
    if not path.is_file():
        raise InputError(str(path), f"there is no such {what} file", f"Give a CSV with the columns {named}")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from _rows(path, file, columns, header)
    except UnicodeDecodeError as error:
        raise InputError(
            str(path), f"it is not UTF-8 text (byte {error.start} of a block)", "Give a CSV text file"
        ) from None
    except (OSError, csv.Error) as error:
        raise InputError(str(path), f"it cannot be read: {error}", "Give a readable CSV text file") from None


def csv_number(where: str, name: str, text: str, least: float, most: float = 1e12) -> float:
    """The finite number of a field. Raises InputError where it is none, or out of its range."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < least or value > most:
        span = f"of at least {least:g}" if most >= 1e12 else f"from {least:g} to {most:g}"
        raise InputError(where, f"{name} is {text!r}", f"Give a number {span}")
    return value


def _rows(path: Path, file: Iterator[str], columns: Sequence[str], header: bool) -> Iterator[tuple[str, list[str]]]:
    reader = csv.reader(_short_lines(path, file), strict=True)
    width, places, first = len(columns), list(range(len(columns))), f"the columns are {','.join(columns)}"
    if header:
        found = next(reader, None)
        if found is None:
            raise InputError(str(path), "it is empty", "Its first line names the columns " + ",".join(columns))
        missing = [name for name in columns if name not in found]
        if missing:
            raise InputError(f"{path}:1", f"it has no column {missing[0]}", "The columns are " + ",".join(columns))
        width, places = len(found), [found.index(name) for name in columns]
        first = f"the first line has {width}"
    empty = True
    for row in reader:
        if not row:
            continue  # a blank line
        if len(row) != width:
            raise InputError(
                f"{path}:{reader.line_num}", f"it has {len(row)} fields, {first}", "Give each row every column"
            )
        empty = False
        yield f"{path}:{reader.line_num}", [row[place] for place in places]
    if empty:
        what = "it has no rows, only its first line" if header else "it is empty"
        raise InputError(str(path), what, "Give at least one row")


def _short_lines(path: Path, file: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if len(line) > LINE_MAX or "\0" in line:
            raise InputError(
                f"{path}:{number}", f"the line is binary or longer than {LINE_MAX} characters", "Give a CSV text file"
            )
        if number > ROWS_MAX:
            raise InputError(str(path), f"it has more than {ROWS_MAX} rows", "Split the file")
        yield line
