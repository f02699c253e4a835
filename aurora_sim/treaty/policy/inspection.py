"""What is checked of a compiled module before the host trusts it with unchecked calls and raw addresses.

An unchecked call of a function with another type kills the process, and a pointer that the module lies about would
make the *host* write out of bounds. So everything the hot path relies on is checked here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import wasmtime

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.policy import abi
from aurora_sim.treaty.policy.load import MAX_MODULE_BYTES, CompiledModule
from aurora_sim.treaty.policy.sandbox import FUEL_TANK, MAX_MEMORY_PAGES, PAGE_BYTES, Sandbox

MAX_ORDER_CAPACITY: Final = 65_536
LIMITS: Final[Mapping[str, int]] = {
    "module_bytes": MAX_MODULE_BYTES,
    "memory_bytes": MAX_MEMORY_PAGES * PAGE_BYTES,
    "order_capacity": MAX_ORDER_CAPACITY,
    "fuel_per_decision": FUEL_TANK,
}
"""What the host grants a module; `policy check` shows it."""
SEE_ABI: Final = "policy/README.md has the ABI"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in the module's memory the host writes; checked against the memory's length."""

    treaty_ptr: int
    order_ptr: int
    order_capacity: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `policy check` shows of a module."""

    exports: tuple[tuple[str, str], ...]
    """Every export with its type, in the module's order."""
    layout: Layout


def inspect(compiled: CompiledModule) -> Inspection:
    """Check imports, exports, memory, version, pointers. Raises `InputError` for the first that breaks the ABI."""
    where = str(compiled.path)
    check_imports(where, compiled.module)
    exports = check_exports(where, compiled.module)
    return Inspection(exports, read_layout(compiled.path, compiled.engine, compiled.module))


def check_imports(where: str, module: wasmtime.Module) -> None:
    names = [f"{entry.module}.{entry.name}" for entry in module.imports]
    if names:
        listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise InputError(where, f"imports {listed}", "A policy imports nothing: the host offers no functions")


def check_exports(where: str, module: wasmtime.Module) -> tuple[tuple[str, str], ...]:
    """Every export with its type. Extra ones are tolerated: linkers add globals such as `__heap_base`."""
    found = {export.name: export.type for export in module.exports}
    for name, wanted in abi.FUNCTIONS.items():
        if name not in found:
            raise InputError(where, f"does not export {name} {wanted}", SEE_ABI)
        given = describe(found[name])
        if given != wanted:
            raise InputError(where, f"exports {name} as {given}, not as {wanted}", SEE_ABI)
    memory = found.get(abi.MEMORY)
    if not isinstance(memory, wasmtime.MemoryType):
        raise InputError(where, f"does not export a memory named {abi.MEMORY}", SEE_ABI)
    check_memory(where, memory)
    return tuple((name, describe(kind)) for name, kind in found.items())


def check_memory(where: str, memory: wasmtime.MemoryType) -> None:
    limits = memory.limits
    if memory.is_64 or memory.is_shared or memory.page_size != PAGE_BYTES:
        raise InputError(where, "its memory is not a plain 32-bit one with 64 KiB pages", SEE_ABI)
    if limits.max != limits.min:
        most = "no maximum" if limits.max is None else f"maximum {limits.max}"
        raise InputError(
            where,
            f"its memory can grow: minimum {limits.min} pages, {most}",
            "Link with --initial-memory and --max-memory of the same size: memory that grows moves under the host",
        )
    if not 1 <= limits.min <= MAX_MEMORY_PAGES:
        raise InputError(where, f"its memory has {limits.min} pages", f"Allowed: 1 to {MAX_MEMORY_PAGES}")


def read_layout(path: Path, engine: wasmtime.Engine, module: wasmtime.Module) -> Layout:
    """Ask a first instance for its version and pointers, by checked calls, and check the answers."""
    where = str(path)
    try:
        sandbox = Sandbox(engine, module)
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        raise InputError(
            where,
            f"cannot be instantiated: {first_line(error)}",
            f"Its start function has {FUEL_TANK} fuel, and no host",
        ) from error
    answers: dict[str, int] = {}
    try:
        for name in ("abi_version", "treaty_ptr", "order_ptr", "order_capacity"):
            sandbox.refuel()
            try:
                # As unsigned: an address is one, and a negative count is then refused for being too large.
                answers[name] = (sandbox.call(name) or 0) & 0xFFFF_FFFF
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                raise InputError(where, f"{name}() fails: {first_line(error)}", SEE_ABI) from error
        memory_bytes = sandbox.memory_bytes
    finally:
        sandbox.close()
    if answers["abi_version"] != abi.ABI_VERSION:
        raise InputError(
            where, f"has ABI version {answers['abi_version']}", f"This host speaks version {abi.ABI_VERSION}"
        )
    layout = Layout(answers["treaty_ptr"], answers["order_ptr"], answers["order_capacity"], memory_bytes)
    check_layout(where, layout)
    return layout


def check_layout(where: str, layout: Layout) -> None:
    if not 1 <= layout.order_capacity <= MAX_ORDER_CAPACITY:
        raise InputError(where, f"order_capacity() is {layout.order_capacity}", f"Allowed: 1 to {MAX_ORDER_CAPACITY}")
    treaty_end = layout.treaty_ptr + abi.SLOT_BYTES
    orders_end = layout.order_ptr + layout.order_capacity * abi.SLOT_BYTES
    for name, start, end in (
        ("treaty_ptr()", layout.treaty_ptr, treaty_end),
        ("order_ptr()", layout.order_ptr, orders_end),
    ):
        if start % abi.ALIGNMENT:
            raise InputError(where, f"{name} is {start}", f"It must be a multiple of {abi.ALIGNMENT}")
        if end > layout.memory_bytes:
            raise InputError(
                where, f"{name} is {start}: the block ends at {end}", f"The memory ends at {layout.memory_bytes}"
            )
    if layout.treaty_ptr < orders_end and layout.order_ptr < treaty_end:
        raise InputError(
            where,
            f"the treaty block ({layout.treaty_ptr}-{treaty_end}) and the order slots "
            f"({layout.order_ptr}-{orders_end}) overlap",
            "Give each its own memory",
        )


def describe(kind: object) -> str:
    """An export's type as the ABI's table writes it: `(i32) -> i32`, `memory 1-1 pages`, `global i32`."""
    if isinstance(kind, wasmtime.FuncType):
        results = [str(result) for result in kind.results]
        returned = results[0] if len(results) == 1 else f"({', '.join(results)})"
        return f"({', '.join(str(parameter) for parameter in kind.params)}) -> {returned}"
    if isinstance(kind, wasmtime.MemoryType):
        most = "" if kind.limits.max is None else kind.limits.max
        return f"memory {kind.limits.min}-{most} pages"
    if isinstance(kind, wasmtime.GlobalType):
        return f"global {kind.content}"
    return type(kind).__name__.removesuffix("Type").lower()


def first_line(error: Exception) -> str:
    """The cause that wasmtime names, without its backtrace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    trapped = [line for line in lines if "wasm trap:" in line]
    return (trapped or lines or ["no reason given"])[0]
