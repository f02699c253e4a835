"""The hot path as machine code: the same modules, compiled by mypyc, in place of their sources while they agree with them.

`python -m aurora_sim.compiled` compiles `MODULES` into a folder of `build/` that is named after what it was compiled from: the
bytes of every source that the compiler may look at, and the Python that it was compiled for. After an edit there is no folder of
that name, and the sources are run: what is compiled can be missing, but never stale. The bytes that a run writes are the same.

`AURORA_SIM_COMPILED=0` in the environment runs the sources, whatever is compiled.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from pathlib import Path

# Every command comes by here, also one that needs none of it: what takes long to import waits.
SWITCH: Final = "AURORA_SIM_COMPILED"
PACKAGE: Final = os.path.dirname(os.path.dirname(__file__))
BUILT: Final = os.path.join(os.path.dirname(PACKAGE), "build", "compiled")
ROOMS: Final = ("compiled", "engine", "observe", "scenario", "treaty", "world")
"""Where the modules are, all that they import of ours (imports point only downwards), and how they are compiled."""
MODULES: Final = (
    "aurora_sim.engine.future_events",
    "aurora_sim.engine.game_life",
    "aurora_sim.engine.invariants",
    "aurora_sim.engine.life",
    "aurora_sim.engine.link",
    "aurora_sim.engine.live_order",
    "aurora_sim.engine.running_job",
    "aurora_sim.engine.simulation",
    "aurora_sim.engine.watched_providers",
    "aurora_sim.observe.alerts.store",
    "aurora_sim.observe.course",
    "aurora_sim.observe.game_recorder",
    "aurora_sim.observe.recorder",
    "aurora_sim.observe.rows",
    "aurora_sim.observe.run_files",
    "aurora_sim.observe.series",
    "aurora_sim.observe.tally",
    "aurora_sim.treaty.ack",
    "aurora_sim.treaty.breaker",
    "aurora_sim.treaty.bridge_client",
    "aurora_sim.treaty.candidates",
    "aurora_sim.treaty.coverage",
    "aurora_sim.treaty.gateway",
    "aurora_sim.treaty.ledger",
    "aurora_sim.treaty.local_queue",
    "aurora_sim.treaty.nonce",
    "aurora_sim.treaty.order",
    "aurora_sim.treaty.provenance",
    "aurora_sim.treaty.ranking",
    "aurora_sim.treaty.reputation",
    "aurora_sim.treaty.router",
    "aurora_sim.world.bridge",
    "aurora_sim.world.demand",
    "aurora_sim.world.job",
    "aurora_sim.world.lognormal",
    "aurora_sim.world.modifiers",
    "aurora_sim.world.provenance",
    "aurora_sim.world.provider",
)
"""What every order goes through, and the dearest of what each step takes. A compiled class has no `__slots__` to read, cannot be
copied by `copy` or sent to another process (whoever receives it dies of it), and can only be extended by a class that is compiled
too; a generator expression that is passed to a function is made a list first, so it must end. The policy host is not here: its
`decide` never raises, and a compiled one would for a wrong type."""
LIBRARY: Final = "__mypyc"
"""How the name of the module ends that holds the code of all of them."""


def source_digest() -> str:
    """16 hexadecimal digits that stand for all sources in `ROOMS`, paths included."""
    from hashlib import sha256
    from pathlib import Path

    digest, package = sha256(), Path(PACKAGE)
    for source in sorted(path for room in ROOMS for path in (package / room).rglob("*.py")):
        content = source.read_bytes()
        digest.update(f"{source.relative_to(package).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def folder() -> Path:
    """Where the compiled modules belong that agree with the sources as they are now."""
    from importlib.machinery import EXTENSION_SUFFIXES
    from pathlib import Path

    return Path(BUILT, f"{EXTENSION_SUFFIXES[0].split('.')[1]}-{source_digest()}")


class Finder:
    """Finds the compiled modules, if there are any that agree with the sources: an entry of `sys.meta_path`."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._asked = False

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """As the import system asks; None where the sources are to be looked for."""
        if not (fullname in MODULES or fullname.endswith(LIBRARY)):
            return None
        if not self._asked:
            self._asked = True
            found = folder()
            self._folder = found if found.is_dir() else None
        return None if self._folder is None else _spec(fullname, self._folder)


def _spec(fullname: str, built: Path) -> ModuleSpec | None:
    from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
    from importlib.util import spec_from_file_location

    file = built / (fullname.replace(".", "/") + EXTENSION_SUFFIXES[0])
    if not file.is_file():
        return None
    return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, str(file)))


def use() -> None:
    """From now on, import the compiled modules where they agree with their sources."""
    if os.environ.get(SWITCH) != "0" and os.path.isdir(BUILT):
        sys.meta_path.insert(0, Finder())


def in_use() -> bool:
    """Whether the hot path that is imported, or will be, is the compiled one."""
    from importlib.util import find_spec

    spec = find_spec(MODULES[0])
    return spec is not None and spec.origin is not None and not spec.origin.endswith(".py")
