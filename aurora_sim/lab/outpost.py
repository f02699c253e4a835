"""A worker on some other machine: what it must have, so that a run there gives what it gives here."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

import aurora_sim
from aurora_sim.lab.crew import Result, Task, attempt
from aurora_sim.scenario.errors import RunError

COMPUTES_WITH: Final = ("numpy", "promql-parser", "scipy", "simpy", "wasmtime")
"""What has a say in a result: other versions may draw, order or round in another way."""
ONE_RUN: Final = threading.Lock()
"""A worker may have many threads. A run has the process to itself: they would share its one core anyway."""


class Outpost(NamedTuple):
    """What a worker is given beside its task: the folder that paths are relative to, and what code is here."""

    folder: str
    code: dict[str, str]


def here() -> Outpost:
    return Outpost(str(Path.cwd()), code())


def look(folder: str) -> dict[str, str]:
    """In the worker: what code is there. Raises RunError where the folder is missing."""
    _enter(folder)
    return code()


def attempt_there(outpost: Outpost, work: Callable[[Task], Result], task: Task) -> Result:
    """In the worker: the work, if the code is the same; a worker may have come after the others were looked at."""
    with ONE_RUN:
        _enter(outpost.folder)
        if wrong := differences(code(), outpost.code):
            raise RunError(f"a worker came to the cluster that cannot go on with the others: {wrong}")
        return attempt(work, task)


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """In words, empty if there are none."""
    return ", ".join(
        f"it has other sources of {name}"
        if name == "aurora_sim"
        else f"{name} is {there.get(name)} there, {version} here"
        for name, version in here.items()
        if there.get(name) != version
    )


@lru_cache(maxsize=1)
def code() -> dict[str, str]:
    """The SHA-256 of this package's sources, and the versions of what it computes with, by name."""
    folder = Path(aurora_sim.__file__).parent
    digest = sha256()
    for path in sorted(folder.rglob("*.py")):
        name, content = path.relative_to(folder).as_posix().encode(), path.read_bytes()
        digest.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "aurora_sim": digest.hexdigest(),
        "Python": python,
        **{name: metadata.version(name) for name in COMPUTES_WITH},
    }


def _enter(folder: str) -> None:
    """The paths in tasks are as the user gave them, often relative."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise RunError(f"it has no folder {folder} ({error.strerror}), where the command was given") from None
