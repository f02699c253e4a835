"""One running instance of a policy module: its store with its limits, and where its memory and functions are."""

from __future__ import annotations

import ctypes
from typing import Final, cast

import wasmtime

PAGE_BYTES: Final = 65_536
MAX_MEMORY_PAGES: Final = 16
MAX_TABLE_ELEMENTS: Final = 64
"""Some linkers emit a table for indirect calls; a policy has no use for a large one."""
FUEL_TANK: Final = 1_000_000
"""Fuel of a full tank: what one decision may burn. The committed module burns about 100; a loop ends within 1 ms."""


class Sandbox:
    """A store that holds exactly one instance. Closing it frees the memory that the views look at.

    Raises `wasmtime.Trap` or `wasmtime.WasmtimeError` where the start function traps, burns all fuel, or a limit is
    exceeded: fuel and limits are set before the instance is made.
    """

    __slots__ = ("_functions", "memory", "memory_bytes", "store")

    def __init__(self, engine: wasmtime.Engine, module: wasmtime.Module) -> None:
        self.store = wasmtime.Store(engine)
        self.store.set_limits(
            memory_size=MAX_MEMORY_PAGES * PAGE_BYTES,
            table_elements=MAX_TABLE_ELEMENTS,
            instances=1,
            tables=1,
            memories=1,
        )
        self.refuel()
        exports = wasmtime.Instance(self.store, module, []).exports(self.store)
        memory = cast(wasmtime.Memory, exports["memory"])
        self._functions = {name: export for name, export in exports.items() if isinstance(export, wasmtime.Func)}
        self.memory_bytes = memory.data_len(self.store)
        address = ctypes.cast(memory.data_ptr(self.store), ctypes.c_void_p).value or 0
        self.memory = memoryview((ctypes.c_ubyte * self.memory_bytes).from_address(address)).cast("B")
        """The instance's linear memory itself, writable. Reading it after `close` kills the process."""

    def refuel(self, fuel: int = FUEL_TANK) -> None:
        self.store.set_fuel(fuel)

    def function(self, name: str) -> wasmtime.Func:
        return self._functions[name]

    def call(self, name: str, *arguments: int) -> int | None:
        """wasmtime's ordinary call: checked, boxed, and 20 times dearer than the unchecked one."""
        return cast("int | None", self._functions[name](self.store, *arguments))

    def close(self) -> None:
        self.memory = memoryview(b"")
        self._functions = {}
        self.store.close()
