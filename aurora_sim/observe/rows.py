"""The rows of `routing_decisions.csv`: fixed columns, fixed decimals, so that the same run gives the same bytes.

A filled order is recorded as a plain tuple of its columns, in the order of the file, and every other order as the text of its row.
`%` takes such a tuple as it is; `csv.writer` takes three times as long, for the shortest text of each float.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

COLUMNS: Final = (
    "step,tenant_id,workload_type,gpu_type,gpu_hours,provider_id,outcome,accepted,price_usd_per_hour,latency_ms,reason,"
    "order_id,time_s,region,gpus,bridge,rtt_ms,attempts,failovers,policy_code,ended_s,placement_s,settlement_s"
)

FilledOrder = tuple[
    str, str, str, float, str, float, float, str, float, str, int, str, float, int, int, int, float, float, float
]
"""A filled order: tenant, workload, GPU type, GPU-hours, provider, price in USD per GPU-hour, latency in ms, order id,
arrival in s, region, GPUs, bridge, round trip in ms, attempts, failovers, policy code, end in s, placement in s,
settlement in s."""
GPU_HOURS: Final = 3
PROVIDER: Final = 4
PRICE: Final = 5
LATENCY: Final = 6
ORDER_ID: Final = 7
ARRIVAL: Final = 8
RTT: Final = 12
ENDED: Final = 16
_FILLED: Final = "%s,%s,%s,%.4f,%s,filled,1,%.4f,%.1f,,%s,%.3f,%s,%d,%s,%.3f,%d,%d,%d,%.3f,%.1f,%.1f\n"
_UNFILLED: Final = "%s,%s,%s,%.4f,%s,%s,0,,,%s,%s,%.3f,%s,%d,%s,,%d,%d,%s,%.3f,,\n"


class UnfilledOrder(Protocol):
    """What is recorded of an order that has ended unfilled; one that was asked of a provider also has that and its bridge."""

    tenant_id: str
    workload_type: str
    gpu_type: str
    gpu_hours: float
    gpus: int
    region: str
    order_id: str
    time_s: float
    ended_s: float
    outcome: str
    reason: str
    attempts: int
    failovers: int
    policy_code: int
    provider_id: str
    bridge: str


class KilledOrder(Protocol):
    """What is recorded of an order whose job was killed: its GPU-hours, and when."""

    gpu_hours: float
    killed_s: float


def filled_rows(step: int, orders: Sequence[FilledOrder]) -> str:
    """The rows of filled orders."""
    return "".join(map(f"{step},{_FILLED}".__mod__, orders))


def unfilled_row(step: int, order: UnfilledOrder) -> str:
    """The row of any other order; provider and bridge are the last that were asked, `policy_code` is empty if never asked."""
    asked = order.attempts > 0
    return f"{step}," + _UNFILLED % (
        order.tenant_id,
        order.workload_type,
        order.gpu_type,
        order.gpu_hours,
        order.provider_id if asked else "",
        order.outcome,
        order.reason,
        order.order_id,
        order.time_s,
        order.region,
        order.gpus,
        order.bridge if asked else "",
        order.attempts,
        order.failovers,
        order.policy_code if order.policy_code > -2 else "",
        order.ended_s,
    )
