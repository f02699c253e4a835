"""The child process that compiles a policy module, so that a module built to be slow to compile costs us a child.

Started as a file with `-I -S` (no site-packages, nothing of this package) and the path of wasmtime's shared library as
its argument: importing wasmtime's Python package would cost 60 ms, these few C calls cost 10. Reads the module from
standard input. Writes its compiled form to standard output and ends with 0, or the compiler's objection and ends with
`REFUSED`.
"""

from __future__ import annotations

import ctypes
import sys

CPU_SECONDS = 2
"""Processor time the child may use. The committed module takes 0.005 s."""
ADDRESS_SPACE_BYTES = 1 << 30
"""Memory the child may map. With the committed module it maps 40 MB."""
REFUSED = 3
"""Exit status: the bytes are no valid module under these settings; the reason is on standard output."""

SETTINGS: tuple[tuple[str, bool | int], ...] = (
    # What the ABI does not need is refused as invalid. Not in this list: reference types, and SIMD without relaxed
    # SIMD; switching those off aborts the process in the engine's constructor.
    ("wasm_threads", False),
    ("wasm_memory64", False),
    ("wasm_multi_memory", False),
    ("wasm_gc", False),
    ("wasm_component_model", False),
    ("wasm_relaxed_simd", False),
    ("wasm_simd", False),
    ("wasm_tail_call", False),
    ("wasm_function_references", False),
    ("wasm_exceptions", False),
    # Traps by explicit checks: with signals, a `faulthandler.enable()` after the engine turns a trap into SIGSEGV.
    ("signals_based_traps", False),
    # No compiler threads: a forked child would wait for ever for threads that only its parent has.
    ("parallel_compilation", False),
    # Small enough that a deep recursion traps also on a thread with a 256 KiB stack, rather than overrun it.
    ("max_wasm_stack", 131_072),
    # One bit pattern for NaN, so that every machine decides alike.
    ("cranelift_nan_canonicalization", True),
    ("consume_fuel", True),
    # Bounds are checked explicitly, so the default's 4 GiB of guarded address space per instance buys nothing, and
    # would not fit under an address-space limit (`ulimit -v`).
    ("memory_reservation", 1 << 20),
    ("memory_guard_size", 0),
)
"""Engine settings: attribute of `wasmtime.Config`, and `wasmtime_config_<name>_set` in the C API; value."""


class ByteVector(ctypes.Structure):
    """`wasm_byte_vec_t`."""

    _fields_ = (("size", ctypes.c_size_t), ("data", ctypes.c_void_p))

    def bytes(self) -> bytes:
        return ctypes.string_at(self.data, self.size) if self.size else b""


def main() -> int:
    limit_this_process()
    library = ctypes.PyDLL(sys.argv[1])
    status, answer = compile_module(library, sys.stdin.buffer.read())
    sys.stdout.buffer.write(answer)
    return status


def limit_this_process() -> None:
    """Bound processor time and memory, and leave no core file behind when they run out."""
    try:
        import resource
    except ImportError:  # not a Unix: the parent's wall clock is then the only bound
        return
    wanted = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, ADDRESS_SPACE_BYTES),
    )
    for which, limit in wanted:
        hard = resource.getrlimit(which)[1]
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        try:
            resource.setrlimit(which, (limit, limit))
        except (OSError, ValueError):  # macOS knows RLIMIT_AS but does not let it be lowered
            continue


def compile_module(library: ctypes.PyDLL, wasm: bytes) -> tuple[int, bytes]:
    """Exit status and answer: (0, the serialised module) or (`REFUSED`, the compiler's message)."""
    pointer = ctypes.c_void_p
    library.wasm_config_new.restype = pointer
    library.wasm_engine_new_with_config.restype = pointer
    library.wasmtime_module_new.restype = pointer
    library.wasmtime_module_serialize.restype = pointer

    config = pointer(library.wasm_config_new())
    for name, value in SETTINGS:
        switch = getattr(library, f"wasmtime_config_{name}_set")
        switch.restype = None
        switch(config, ctypes.c_bool(value) if isinstance(value, bool) else ctypes.c_size_t(value))
    engine = pointer(library.wasm_engine_new_with_config(config))

    module = pointer()
    failure = library.wasmtime_module_new(engine, wasm, ctypes.c_size_t(len(wasm)), ctypes.byref(module))
    answer = ByteVector()
    if not failure:
        failure = library.wasmtime_module_serialize(module, ctypes.byref(answer))
    if not failure:
        return 0, answer.bytes()
    library.wasmtime_error_message(pointer(failure), ctypes.byref(answer))
    return REFUSED, answer.bytes()


if __name__ == "__main__":
    sys.exit(main())
