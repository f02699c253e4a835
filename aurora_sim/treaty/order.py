"""What a tenant submits: one GPU order."""

from __future__ import annotations

from typing import Final

FIELDS: Final = (
    "deadline_s",
    "gpu_hours",
    "gpu_type",
    "gpus",
    "issued_s",
    "malformed_field",
    "max_latency_ms",
    "max_price_usd_per_hour",
    "min_reputation",
    "nonce",
    "order_id",
    "region",
    "region_index",
    "signature_valid",
    "source",
    "tenant_id",
    "workload_type",
)
"""What an order says, in the order of the alphabet."""


class Order:
    """One GPU order as the tenant signed it; nothing in it changes once it is made.

    Times are seconds on the caller's clock (`now`), prices USD per GPU-hour, latencies ms, reputations 0 to 100.
    `region_index` is the treaty's index of `region`; `signature_valid` is the outcome of the signature's arithmetic,
    done or, in a batch run, carried; `malformed_field` names the field that breaks the schema, or is empty.
    """

    __slots__ = FIELDS

    order_id: str
    tenant_id: str
    source: str  # where the request comes from: the unit of the per-source rate limit
    workload_type: str
    gpu_type: str
    gpus: int
    gpu_hours: float
    region: str
    region_index: int
    max_price_usd_per_hour: float
    max_latency_ms: float
    min_reputation: float
    issued_s: float
    deadline_s: float
    nonce: str
    signature_valid: bool
    malformed_field: str
