"""Deciding whole columns of orders: numpy lays the slots out, and the module decides as many as fit at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurora_sim.treaty.policy import abi

if TYPE_CHECKING:
    from aurora_sim.treaty.policy.host import PolicyHost

Column: TypeAlias = ArrayLike
Codes: TypeAlias = NDArray[np.int32]

SLOT: Final = np.dtype(
    {
        "names": [*abi.ORDER_FIELDS, "decision"],
        "formats": ["<f8", "<f8", "<f8", "<u4", "<u4", "<u4", "<i4"],
        "offsets": [0, 8, 16, 24, 28, 32, abi.DECISION_OFFSET],
        "itemsize": abi.SLOT_BYTES,
    }
)
"""An order slot as numpy sees it."""
UNSIGNED_FIELDS: Final = abi.ORDER_FIELDS[3:]
UNSIGNED_MAX: Final = 0xFFFF_FFFF


def decide_columns(host: PolicyHost, columns: Sequence[Column]) -> Codes:
    """The code of every row; `PolicyHost.decide_batch` says what is raised."""
    slots, unusable = lay_out(columns)
    codes = np.empty(len(slots), dtype=np.int32)
    for start in range(0, len(slots), host.order_capacity):
        chunk = slots[start : start + host.order_capacity]
        codes[start : start + len(chunk)] = decide_chunk(host, chunk)
    codes[unusable] = abi.POLICY_ERROR
    codes[(codes < 0) | (codes >= len(abi.DECISIONS))] = abi.POLICY_ERROR
    return codes


def lay_out(columns: Sequence[Column]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The order slots, and the rows whose integers do not fit one: these get `POLICY_ERROR`, as from `decide`."""
    given = [np.asarray(column) for column in columns]
    count = len(given[0]) if given[0].ndim == 1 else -1
    slots = np.zeros(max(count, 0), dtype=SLOT)
    unusable = np.zeros(max(count, 0), dtype=np.bool_)
    for name, column in zip(abi.ORDER_FIELDS, given, strict=True):
        if column.shape != (count,):
            raise ValueError(f"{name} has shape {column.shape}; wanted one row per order, as in gpu_hours")
        if name in UNSIGNED_FIELDS:
            if column.dtype.kind not in "biu":
                raise TypeError(f"{name} holds {column.dtype}; wanted whole numbers")
            outside = (column < 0) | (column > UNSIGNED_MAX)
            unusable |= outside
            column = np.where(outside, 0, column)
        slots[name] = column
    return slots, unusable


def decide_chunk(host: PolicyHost, chunk: NDArray[Any]) -> Codes:
    """At most `order_capacity` rows. Where the batch call fails, one by one: then only the culprits are denied."""
    answer = host.decide_slots(chunk.tobytes(), len(chunk))
    if answer is None:
        return np.array([host.decide(*row.item()[:-1]) for row in chunk], dtype=np.int32)
    host.decisions += len(chunk)
    codes: Codes = np.frombuffer(answer, dtype=SLOT)["decision"].astype(np.int32)
    return codes
