"""The files that a scenario names: traces, outage histories, modules."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aurora_sim.scenario.configuration import find


def find_trace(given: str, scenario: Path) -> Path:
    """Where the trace is: as given, beside the scenario, or in the checkout."""
    for place in (Path(given), scenario.parent / given):
        if place.exists():
            return place
    return find(Path(given))


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; nothing for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""  # whoever reads the trace says what is wrong with it
