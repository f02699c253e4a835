"""The policy host: runs the treaty's WASM module, one call per order, and fails closed.

wasmtime's own `Func` call costs 17 to 36 us in Python, each call being type-checked and boxed. The C API's unchecked
call costs under 1 us through ctypes with arguments made once. It kills the process if a type, an address or a length is
wrong: so all of these are checked at load (inspection.py), and one object owns everything that the call touches.
"""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import wasmtime

from aurora_sim.treaty.policy import abi
from aurora_sim.treaty.policy.inspection import LIMITS, Inspection, inspect
from aurora_sim.treaty.policy.load import CompiledModule, load_module
from aurora_sim.treaty.policy.probe import PROBE_TERMS, probe
from aurora_sim.treaty.policy.sandbox import FUEL_TANK, Sandbox
from aurora_sim.treaty.policy.unchecked import (
    ONE_SLOT,
    OUT_OF_FUEL,
    Slots,
    call_unchecked,
    context_reference,
    discard_error,
    function_reference,
)

if TYPE_CHECKING:
    from aurora_sim.treaty.policy.batch import Codes, Column

FUEL_PER_BATCHED_ORDER: Final = 1_000
CODES: Final = frozenset(range(len(abi.DECISIONS)))
UNUSABLE: Final = (struct.error, TypeError, ValueError, OverflowError)
"""What packing raises for a field that does not fit the order slot, and for any order once the host is closed."""


class PolicyHost:
    """A loaded policy module and the treaty terms it enforces.

    The host lives through: *loaded* (by `load`), *amended* any number of times, *closed*; a closed host answers every
    order with `POLICY_ERROR`. After a trap it makes itself a new instance: a trap leaves the module's stack pointer
    where it was.

    Fuel, a rule in three parts, so that an order's code depends on that order alone:
    1. One decision may burn `FUEL_TANK`. Nobody counts when to fill the tank: it lasts some 10,000 decisions.
    2. A call that runs out is repeated once, by a new instance with a full tank.
    3. Out of fuel again, and the order gets `POLICY_ERROR`.

    One host belongs to one thread: two that decide at once would mix their orders in the one slot. A forked child has
    its own copy and may use it. Create one host per run: what a module remembers between calls cannot be seen.
    """

    def __init__(self, compiled: CompiledModule, inspection: Inspection, terms: abi.TreatyTerms) -> None:
        """Takes a module that `inspect` found good; use `load` for one that is not known to be."""
        self._compiled = compiled
        self._inspection = inspection
        layout = inspection.layout
        self.path = compiled.path
        self.sha256 = compiled.sha256
        """SHA-256 of the module's file, hexadecimal."""
        self.size_bytes = compiled.size_bytes
        self.memory_bytes = layout.memory_bytes
        self.order_capacity = layout.order_capacity
        """Orders that one call of `authorize_batch` can decide."""
        self.exports = inspection.exports
        """Every export of the module with its type."""
        self.limits = LIMITS
        self.decisions = 0
        """Orders decided so far, singly and in batches."""
        self.traps = 0
        """Decisions that ended in a trap or out of fuel."""
        self.out_of_fuel = 0
        """Those of them that burned a full tank."""
        self._order_ptr = layout.order_ptr
        self._treaty_slice = slice(layout.treaty_ptr, layout.treaty_ptr + abi.SLOT_BYTES)
        self._slots = Slots()
        self._value = self._slots.value
        self._trap = self._slots.trap
        self._memory: memoryview | None = None
        self._sandbox: Sandbox | None = None
        self.amend(terms)
        self.renew()

    @classmethod
    def load(cls, path: Path, terms: abi.TreatyTerms) -> PolicyHost:
        """Read, compile, inspect and probe a module. Raises `InputError` for one that breaks the ABI or a limit."""
        compiled = load_module(path)
        inspection = inspect(compiled)
        with cls(compiled, inspection, PROBE_TERMS) as probed:
            probe(probed)
        return cls(compiled, inspection, terms)

    def fresh(self, terms: abi.TreatyTerms) -> PolicyHost:
        """Another host of the same module: with an instance, terms and counters of its own."""
        return PolicyHost(self._compiled, self._inspection, terms)

    def decide(
        self,
        gpu_hours: float,
        tenant_used_today: float,
        treaty_used_total: float,
        region_index: int,
        tenant_reputation: int,
        nonce_seen: int,
    ) -> int:
        """The code of one order, 0 to 7, or `POLICY_ERROR`. Never raises. The first three are GPU-hours."""
        self.decisions += 1
        try:
            # At every call, because a module may overwrite its treaty block: 0.05 us.
            self._memory[self._treaty_slice] = self._treaty_block  # type: ignore[index]  # None once closed: TypeError
            self._pack_order(
                gpu_hours, tenant_used_today, treaty_used_total, region_index, tenant_reputation, nonce_seen
            )
        except UNUSABLE:
            return abi.POLICY_ERROR
        self._value.value = self._order_ptr
        error = self._authorize()
        if error or self._trap.value:
            order = (gpu_hours, tenant_used_today, treaty_used_total, region_index, tenant_reputation, nonce_seen)
            return self._after_failure(error, order)
        code = self._value.value
        return code if code in CODES else abi.POLICY_ERROR

    def decide_checked(
        self,
        gpu_hours: float,
        tenant_used_today: float,
        treaty_used_total: float,
        region_index: int,
        tenant_reputation: int,
        nonce_seen: int,
    ) -> int:
        """The same decision by wasmtime's ordinary call: the reference that `decide` is tested against."""
        self.decisions += 1
        order = (gpu_hours, tenant_used_today, treaty_used_total, region_index, tenant_reputation, nonce_seen)
        return self._decide_checked(order)

    def decide_batch(
        self,
        gpu_hours: Column,
        tenant_used_today: Column,
        treaty_used_total: Column,
        region_index: Column,
        tenant_reputation: Column,
        nonce_seen: Column,
    ) -> Codes:
        """The codes of many orders, as int32: what `decide` gives for each row, 20 to 30 times faster.

        The rows are independent: no row's GPU-hours count towards another's quota. Raises `ValueError` where the
        columns differ in length, `TypeError` where an integer column holds none.
        """
        from aurora_sim.treaty.policy.batch import decide_columns

        columns = (gpu_hours, tenant_used_today, treaty_used_total, region_index, tenant_reputation, nonce_seen)
        return decide_columns(self, columns)

    def decide_slots(self, packed: bytes | memoryview, count: int) -> bytes | None:
        """Run `authorize_batch` over `count` packed order slots; returns the slots, or None where the call failed.

        `count` is at most `order_capacity`. Leaves it to the caller to decide the orders of a failed call one by one.
        """
        if self._memory is None or self._sandbox is None:
            return None
        if not 0 <= count <= self.order_capacity or len(packed) != count * abi.SLOT_BYTES:
            raise ValueError(f"{count} orders in {len(packed)} bytes: at most {self.order_capacity} fit")
        self._sandbox.refuel(FUEL_TANK + count * FUEL_PER_BATCHED_ORDER)
        end = self._order_ptr + count * abi.SLOT_BYTES
        self._memory[self._treaty_slice] = self._treaty_block
        self._memory[self._order_ptr : end] = packed
        slots = self._slots
        slots.value.value = count
        batch = function_reference(self._sandbox.function("authorize_batch"))
        error = call_unchecked(self._context, batch, slots.raw_reference, ONE_SLOT, slots.trap_reference)
        if error or slots.trap.value:
            discard_error(error)
            slots.take_trap()
            self.renew()
            return None
        self._refuel()
        return bytes(self._memory[self._order_ptr : end])

    def amend(self, terms: abi.TreatyTerms) -> None:
        """Put new terms into force, from the next decision on. Raises `struct.error` for terms that do not fit."""
        self._treaty_block = terms.pack()
        self.terms = terms

    def renew(self) -> None:
        """Replace the instance by a new one, in a new store: what the old one kept in its memory is gone."""
        self.close()
        try:
            sandbox = Sandbox(self._compiled.engine, self._compiled.module)
        except (wasmtime.Trap, wasmtime.WasmtimeError):
            return  # it could be instantiated at load, so memory has run out: stay closed and deny
        slots = self._slots
        self._context = context_reference(sandbox.store)
        function = function_reference(sandbox.function("authorize"))
        # Both with the arguments that are the same at every decision; what `close` frees they touch after `_memory` only.
        self._authorize = partial(
            call_unchecked, self._context, function, slots.raw_reference, ONE_SLOT, slots.trap_reference
        )
        self._pack_order = partial(pack_order, sandbox.memory, self._order_ptr)
        self._memory = sandbox.memory
        self._sandbox = sandbox

    def close(self) -> None:
        """Free the instance; every later decision is `POLICY_ERROR`."""
        self._memory = None  # first: to read the view after the store is freed kills the process
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            sandbox.close()

    def __enter__(self) -> PolicyHost:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _refuel(self) -> None:
        if self._sandbox is not None:
            self._sandbox.refuel()

    def _after_failure(self, error: int | None, order: abi.OrderTuple) -> int:
        """Clean up after a call that failed; decide again if the cause may have been the calls before it."""
        discard_error(error)
        ran_dry = self._slots.take_trap() == OUT_OF_FUEL
        self.renew()
        if ran_dry:
            return self._decide_checked(order)
        self.traps += 1
        return abi.POLICY_ERROR

    def _decide_checked(self, order: abi.OrderTuple) -> int:
        if self._memory is None or self._sandbox is None:
            return abi.POLICY_ERROR
        self._sandbox.refuel()
        try:
            self._memory[self._treaty_slice] = self._treaty_block
            pack_order(self._memory, self._order_ptr, *order)
            code = self._sandbox.call("authorize", self._order_ptr)
        except UNUSABLE:
            return abi.POLICY_ERROR
        except (wasmtime.Trap, wasmtime.WasmtimeError) as failure:
            self.traps += 1
            self.out_of_fuel += getattr(failure, "trap_code", None) is wasmtime.TrapCode.OUT_OF_FUEL
            self.renew()
            return abi.POLICY_ERROR
        self._refuel()
        return code if code in CODES else abi.POLICY_ERROR


pack_order = abi.ORDER.pack_into
