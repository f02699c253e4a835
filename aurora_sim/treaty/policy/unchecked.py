"""The unchecked call of wasmtime's C API, with its argument and trap slots made once.

`PyDLL`, not `CDLL`: a call that releases the GIL and takes it back waits for whichever thread holds it, 100 us and more
beside a busy one (a metrics server is one); keeping it costs 1.6 us. It also keeps two threads out of one store.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final, TypeAlias

import wasmtime
from wasmtime import _ffi

OUT_OF_FUEL: Final = int(wasmtime.TrapCode.OUT_OF_FUEL.value)

# The library is loaded already; this is a second set of function objects, whose prototypes are ours to set.
_library = ctypes.PyDLL(str(_ffi.filename))

call_unchecked = _library.wasmtime_func_call_unchecked
"""(context, function, slots, number of slots, trap) -> error; no `argtypes`: converting them would double the cost."""
call_unchecked.restype = ctypes.c_void_p

_trap_code = _library.wasmtime_trap_code
_trap_code.restype = ctypes.c_bool
_trap_delete = _library.wasm_trap_delete
_trap_delete.restype = None
_error_delete = _library.wasmtime_error_delete
_error_delete.restype = None

Reference: TypeAlias = Any
"""What `ctypes.byref` gives. ctypes passes it on as it is; a `c_void_p` it would wrap anew at each call, which makes a
call of five arguments take 0.6 us instead of 0.4."""

ONE_SLOT: Final = ctypes.c_size_t(1)
"""Both functions of the ABI take one argument and return at most one result, and these share a slot."""


class Slots:
    """The memory that a call reads its argument from and writes its result and its trap to."""

    __slots__ = ("_raw", "raw_reference", "trap", "trap_reference", "value")

    def __init__(self) -> None:
        self._raw = (_ffi.wasmtime_val_raw_t * 1)()
        self.value = ctypes.c_int32.from_buffer(self._raw)
        """Argument before the call, result after it."""
        self.raw_reference: Reference = ctypes.byref(self._raw)
        self.trap = ctypes.c_void_p()
        """Set by a call that trapped, and not cleared by a later good one."""
        self.trap_reference: Reference = ctypes.byref(self.trap)

    def take_trap(self) -> int | None:
        """Clear and free the trap, which would leak 1.6 KB; returns its code, None where there is none."""
        if not self.trap.value:
            return None
        code = ctypes.c_uint8()
        known = _trap_code(self.trap, ctypes.byref(code))
        _trap_delete(self.trap)
        self.trap.value = None
        return code.value if known else None


def discard_error(error: int | None) -> None:
    """Free an error that a call returned instead of a trap."""
    if error:
        _error_delete(ctypes.c_void_p(error))


def context_reference(store: wasmtime.Store) -> Reference:
    """The store's context, for as long as the store lives."""
    return ctypes.byref(store._context().contents)


def function_reference(function: wasmtime.Func) -> Reference:
    """The C structure inside `function`, which the reference keeps alive."""
    return ctypes.byref(function._func)
