"""Compile the hot path: needs a C compiler, Python's headers, and the packages of `requirements/compile.lock`.

Where one of these is missing, it says which, and the sources run as ever: exit status 0, or 1 with `--required`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

from aurora_sim.compiled import BUILT, MODULES, PACKAGE, folder


def main() -> int:
    """Compile, unless that is done; what was compiled from other sources is removed."""
    parser = argparse.ArgumentParser(prog="python -m aurora_sim.compiled", description=__doc__, allow_abbrev=False)
    parser.add_argument("--required", action="store_true", help="fail where it cannot be compiled")
    required = parser.parse_args().required
    made = folder()
    if made.is_dir():
        return 0
    if lacking := missing():
        print(f"the hot path is not compiled, for want of {lacking}: its sources run, a third slower", file=sys.stderr)
        return 1 if required else 0
    built = Path(BUILT)
    built.mkdir(parents=True, exist_ok=True)
    print(f"compiling {len(MODULES)} modules, which takes a minute ...", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=built, prefix=".making-") as name:
        unfinished = Path(name) / "modules"
        compile_into(unfinished, Path(name))
        # Under its own name only when it is whole; another process may have been quicker.
        if not made.is_dir():
            unfinished.rename(made)
    for other in built.iterdir():
        if other != made and not other.name.startswith("."):
            shutil.rmtree(other)
    return 0


def missing() -> str:
    """What is not on this machine and is needed to compile; "" where all is there."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"a C compiler ({compiler})"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "Python's headers (Debian: python3-dev)"
    packages = [name for name in ("mypyc", "setuptools") if find_spec(name) is None]
    return f"the Python packages {', '.join(packages)} (requirements/compile.lock)" if packages else ""


def compile_into(target: Path, scratch: Path) -> None:
    """Compile `MODULES` into `target`; C and object files go into `scratch`. Raises SystemExit, with what the compiler says."""
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    os.chdir(Path(PACKAGE).parent)  # modules are named after their paths from here
    extensions = mypycify(
        ["--config-file=pyproject.toml", *(module.replace(".", "/") + ".py" for module in MODULES)],
        opt_level="3",
        debug_level="0",
        target_dir=str(scratch),
    )
    command = build_ext(Distribution({"name": "aurora_sim_compiled", "ext_modules": extensions}))
    command.build_lib = str(target)
    command.build_temp = str(scratch / "objects")
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    raise SystemExit(main())
