"""The bytes and the text of a file that a user named; whatever may be wrong with a file as such is found here."""

from __future__ import annotations

import codecs
import itertools
import re
import stat
from pathlib import Path

from aurora_sim.scenario.errors import InputError, did_you_mean

BYTES_MAX = 1024 * 1024
_SUFFIXES = (".yaml", ".yml", ".json")
# All but what YAML calls printable: so no file can put escape sequences on the reader's terminal either. Said the other way round
# ("none of the printable"), the pattern takes 8 ms to compile, and so every command.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def content_of(path: Path) -> bytes:
    """The bytes of a regular file. A pipe or device is refused before it is opened: opening one may wait for ever."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise InputError(str(path), "this is a folder", _files_in(path, "Name a file"))
        if not stat.S_ISREG(kind):
            raise InputError(
                str(path), "this is a pipe or device, not a file", "Save the text to a .yaml or .json file"
            )
        if path.suffix.lower() not in _SUFFIXES:
            raise InputError(
                str(path), "the name does not say what is in it", f"Rename it to end in {', '.join(_SUFFIXES)}"
            )
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", _near_miss(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(str(path), f"it cannot be read ({reason.lower()})", "Check its name and permissions") from None
    if len(content) > BYTES_MAX:
        raise InputError(str(path), f"larger than {BYTES_MAX} bytes", "Split the file: no scenario needs that many")
    return content


def _near_miss(path: Path) -> str:
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either: check the path from where you are"
    names = _document_names(path.parent)
    return did_you_mean(path.name, names) if names else f"There is no YAML or JSON file in {path.parent}"


def _files_in(folder: Path, lead: str) -> str:
    names = _document_names(folder)
    return f"{lead} in it. {did_you_mean('', names)}" if names else f"{lead}: there is no YAML or JSON file in it"


def _document_names(folder: Path) -> list[str]:
    try:
        # A folder may hold anything: look at a bounded number of names.
        return [entry.name for entry in itertools.islice(folder.iterdir(), 10_000) if entry.suffix.lower() in _SUFFIXES]
    except OSError:
        return []


def text_of(content: bytes, path: Path) -> str:
    """The text that UTF-8 bytes say, without a byte order mark; `path` is for the error."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(str(path), "the file is UTF-16", "Save it as UTF-8")
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte {content[error.start]:#04x} at offset {error.start} is not UTF-8"
        raise InputError(f"{path}:{line}", what, "Save the file as UTF-8 text") from None
    found = UNPRINTABLE.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        what = f"an unprintable character (U+{ord(found.group()):04X}) at offset {found.start()}"
        raise InputError(
            f"{path}:{line}",
            what,
            "Save the file as UTF-8 text, and write such a character as an escape in double quotes",
        )
    return text
