"""From a file to a compiled module: every check that can be made before any of the module's own code runs."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import wasmtime
from wasmtime import _ffi

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.policy import compile_worker

MAX_MODULE_BYTES: Final = 16 * 1024
"""Largest module file. The committed one is a fifteenth of it; a 50 MB data segment would cost 200 MB to parse."""
COMPILE_TIMEOUT_SECONDS: Final = 30.0
"""Wall clock for the compiling child, ten times its processor time: only a machine in distress gets there."""
BINARY_MAGIC: Final = b"\0asm\x01\0\0\0"
COMPONENT_MAGIC: Final = b"\0asm\x0d\0\x01\0"


@dataclass(frozen=True, slots=True)
class CompiledModule:
    """A module that is valid under the host's settings and compiled; none of its code has run."""

    path: Path
    sha256: str
    """SHA-256 of the file, hexadecimal."""
    size_bytes: int
    engine: wasmtime.Engine
    module: wasmtime.Module


def load_module(path: Path) -> CompiledModule:
    """Read, validate and compile a policy module. Raises `InputError` with what is wrong with the file."""
    wasm = read_module(path)
    serialised = compile_in_child(path, wasm)
    engine = make_engine()
    # Deserialising trusts its input like native code. These bytes are from this process's own child, made just now.
    module = wasmtime.Module.deserialize(engine, serialised)
    return CompiledModule(path, hashlib.sha256(wasm).hexdigest(), len(wasm), engine, module)


def read_module(path: Path) -> bytes:
    """The file's bytes, if it is a regular file of an allowed size that begins like a WASM module."""
    try:
        # Asked first: to open a named pipe would wait for a writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(str(path), "is not a regular file", "Give the path of a .wasm file")
        with path.open("rb") as file:
            wasm = file.read(MAX_MODULE_BYTES + 1)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise InputError(
            str(path), f"cannot read the policy module: {what}", "`make policy-build` makes one"
        ) from error
    if not wasm:
        raise InputError(str(path), "the policy module is empty", "`make policy-build` makes one")
    if len(wasm) > MAX_MODULE_BYTES:
        raise InputError(
            str(path),
            f"the policy module is larger than {MAX_MODULE_BYTES} bytes",
            "Build it optimised and stripped, as policy/build.sh does",
        )
    if wasm.startswith(COMPONENT_MAGIC):
        raise InputError(str(path), "is a WASM component, not a core module", "Build for wasm32-unknown-unknown")
    if not wasm.startswith(BINARY_MAGIC):
        mend = "Translate it with wat2wasm" if wasm.lstrip().startswith(b"(") else "Give a .wasm file"
        raise InputError(str(path), "is not a WASM binary", mend)
    return wasm


def compile_in_child(path: Path, wasm: bytes) -> bytes:
    """Compile in a child process of limited processor time, memory and wall clock; returns the serialised module.

    Compilation has no limit of its own: 12 KB of functions with 50,000 locals each take minutes and gigabytes.
    """
    command = [sys.executable, "-I", "-S", compile_worker.__file__, str(_ffi.filename)]
    with subprocess.Popen(  # noqa: S603 (our interpreter, our file)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        try:
            answer, errors = child.communicate(wasm, timeout=COMPILE_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as expired:
            child.kill()
            raise too_costly(path, f"{COMPILE_TIMEOUT_SECONDS:.0f} s of wall clock") from expired
        except BaseException:  # Ctrl-C among them: leave no child behind
            child.kill()
            raise
    if child.returncode == 0:
        return answer
    if child.returncode == compile_worker.REFUSED:
        objection = " ".join(answer.decode(errors="replace").replace("\0", "").split())
        raise InputError(
            str(path),
            f"is not a valid policy module: {objection}",
            "The host takes WASM 1.0 with bulk memory; threads, SIMD, tail calls, GC, exceptions, memory64 are off",
        )
    if child.returncode < 0:
        raise too_costly(
            path,
            f"{compile_worker.CPU_SECONDS} s of processor time or "
            f"{compile_worker.ADDRESS_SPACE_BYTES >> 20} MiB of memory (signal {-child.returncode})",
        )
    raise RuntimeError(f"the compiling child ended with {child.returncode}: {errors.decode(errors='replace').strip()}")


def too_costly(path: Path, limit: str) -> InputError:
    return InputError(
        str(path), f"compiling it exceeds {limit}", "A policy of this size compiles in 5 ms: make it simpler"
    )


def make_engine() -> wasmtime.Engine:
    """An engine with the settings that the child compiles under; wasmtime deserialises across no difference."""
    config = wasmtime.Config()
    for name, value in compile_worker.SETTINGS:
        setattr(config, name, value)
    return wasmtime.Engine(config)
