"""The policy ABI, version 1: what host and module agree on, byte by byte. policy/README.md has it as tables."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

ABI_VERSION: Final = 1

DECISIONS: Final[tuple[str, ...]] = (
    "allow",
    "treaty_halted",
    "region_not_allowed",
    "replayed_nonce",
    "low_reputation",
    "tenant_daily_quota",
    "treaty_total_quota",
    "malformed_order",
)
"""The reason for each decision code: `DECISIONS[code]`."""

ALLOW: Final = 0
POLICY_ERROR: Final = -1
"""The host's own code, a denial: the module trapped, ran out of fuel, or answered with a code that is none."""

SLOT_BYTES: Final = 64
"""Size and spacing of the treaty block and of the order slots."""
ALIGNMENT: Final = 8
REGIONS: Final = 64
"""Regions that a treaty's mask can tell apart; an index at or above this is never allowed."""
UNKNOWN_REGION: Final = 0xFFFF_FFFF
"""The index to give for a region that the treaty has no index for."""

TREATY: Final = struct.Struct("<QddII32x")
"""region_mask, quota_gpu_hours_total, quota_gpu_hours_daily_per_tenant, min_reputation, halted."""
ORDER: Final = struct.Struct("<dddIII28x")
"""gpu_hours, tenant_used_today, treaty_used_total, region_index, tenant_reputation, nonce_seen; the decision as 0."""
ORDER_FIELDS: Final = (
    "gpu_hours",
    "tenant_used_today",
    "treaty_used_total",
    "region_index",
    "tenant_reputation",
    "nonce_seen",
)
OrderTuple: TypeAlias = tuple[float, float, float, int, int, int]
"""An order's fields, in the order of `ORDER_FIELDS`."""
DECISION_OFFSET: Final = 36
"""Where in its slot `authorize_batch` writes an order's code, as i32."""

assert TREATY.size == ORDER.size == SLOT_BYTES

FUNCTIONS: Final[dict[str, str]] = {
    "abi_version": "() -> i32",
    "treaty_ptr": "() -> i32",
    "order_ptr": "() -> i32",
    "order_capacity": "() -> i32",
    "authorize": "(i32) -> i32",
    "authorize_batch": "(i32) -> ()",
}
"""The functions a module must export, with their exact types."""
MEMORY: Final = "memory"
"""The name of the exported memory."""


@dataclass(frozen=True, slots=True)
class TreatyTerms:
    """What the treaty block says: the terms that the policy enforces."""

    region_mask: int
    """Bit i is set where region index i is allowed; 64 bits."""
    quota_gpu_hours_total: float
    """GPU-hours that the treaty may use over its life [GPU-h]; reaching it exactly is allowed."""
    quota_gpu_hours_daily_per_tenant: float
    """GPU-hours that one tenant may use in a UTC day [GPU-h]; reaching it exactly is allowed."""
    min_reputation: int
    """The lowest tenant reputation that is served."""
    halted: bool = False
    """Whether the treaty is halted: then every order is denied."""

    def pack(self) -> bytes:
        """The 64 bytes of the treaty block. Raises `struct.error` for an integer out of range."""
        return TREATY.pack(
            self.region_mask,
            self.quota_gpu_hours_total,
            self.quota_gpu_hours_daily_per_tenant,
            self.min_reputation,
            bool(self.halted),
        )


def reason(code: int) -> str:
    """The name of a decision code; `policy_error` for any that is none."""
    return DECISIONS[code] if 0 <= code < len(DECISIONS) else "policy_error"
