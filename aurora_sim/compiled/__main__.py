"""Compile the hot path: needs a C compiler, Python's headers, and the packages of `requirements/compile.lock`.

Where one of these is missing, it says which, and the sources run as ever: exit status 0, or 1 with `--required`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from aurora_sim.compiled import MODULES, PACKAGE, folder

DENSE: Final = ["-fvisibility=hidden", "--param", "builtin-expect-probability=100"]
"""Calls of our own functions are direct, and what only errors need is laid apart: an order goes through so much code that its way
is slow where that does not lie close together. With -O2, 5 % less time an order than by mypyc's flags with -O1 (measured)."""


def main() -> int:
    """Compile, unless that is done; what was compiled from other sources is removed."""
    parser = argparse.ArgumentParser(prog="python -m aurora_sim.compiled", description=__doc__, allow_abbrev=False)
    parser.add_argument("--required", action="store_true", help="fail where it cannot be compiled")
    required = parser.parse_args().required
    made = folder()
    why_not = "" if made.is_dir() else missing() or compile_as(made)
    if why_not:
        print(f"the hot path is not compiled, so its sources run, more slowly: {why_not}", file=sys.stderr)
        return 1 if required else 0
    for other in made.parent.iterdir():
        if other != made and not other.name.startswith("."):
            shutil.rmtree(other, ignore_errors=True)
    return 0


def missing() -> str:
    """What is not on this machine and is needed to compile; "" where all is there."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler ({compiler})"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "Python's headers are missing (Debian: python3-dev)"
    packages = [name for name in ("mypyc", "setuptools") if find_spec(name) is None]
    return f"there is no {' and no '.join(packages)} (pip install -r requirements/compile.lock)" if packages else ""


def compile_as(made: Path) -> str:
    """Compile `MODULES` into this folder, which is there only when it is whole; or say why that cannot be done."""
    print(f"compiling {len(MODULES)} modules, which takes a minute or two ...", file=sys.stderr)
    said = io.StringIO()
    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent, prefix=".making-") as scratch:
            with contextlib.redirect_stdout(said):
                _compile_into(Path(scratch, "modules"), Path(scratch))
            if not made.is_dir():  # another process may have been quicker
                Path(scratch, "modules").rename(made)
    except (Exception, SystemExit) as failure:  # whatever ails a compiler, the sources are as good
        return f"{said.getvalue()}{failure}"
    return ""


def _compile_into(target: Path, scratch: Path) -> None:
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    os.chdir(Path(PACKAGE).parent)  # modules are named after their paths from here
    extensions = mypycify(
        ["--config-file=pyproject.toml", *(module.replace(".", "/") + ".py" for module in MODULES)],
        opt_level="2",
        debug_level="0",
        target_dir=str(scratch),
    )
    for extension in extensions:
        # Another compiler may warn of something else.
        extension.extra_compile_args = [flag for flag in extension.extra_compile_args if flag != "-Werror"] + DENSE
    command = build_ext(Distribution({"name": "aurora_sim_compiled", "ext_modules": extensions}))
    command.build_lib = str(target)
    command.build_temp = str(scratch / "objects")
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    raise SystemExit(main())
