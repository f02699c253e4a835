"""Orders for the tests: a good one, with what the test wants different."""

from __future__ import annotations

from typing import Any

from aurora_sim.treaty.order import Order

GOOD: dict[str, Any] = {
    "order_id": "order-1",
    "tenant_id": "tenant-research",
    "source": "10.0.0.1",
    "workload_type": "inference",
    "gpu_type": "A100",
    "gpus": 1,
    "gpu_hours": 1.0,
    "region": "eu-west-1",
    "region_index": 0,
    "max_price_usd_per_hour": 3.0,
    "max_latency_ms": 600.0,
    "min_reputation": 50.0,
    "issued_s": 0.0,
    "deadline_s": 3_600.0,
    "nonce": "nonce-1",
    "signature_valid": True,
    "malformed_field": "",
}


def an_order(**different: Any) -> Order:
    order = Order()
    for name, value in {**GOOD, **different}.items():
        setattr(order, name, value)
    return order
