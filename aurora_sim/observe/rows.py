"""The rows of `routing_decisions.csv`: fixed columns, fixed decimals, so that the same run gives the same bytes.

A filled order is recorded as a plain tuple that begins with the columns of its row, and every other order as what it is.
`%` takes such columns as they are; `csv.writer` takes three times as long, for the shortest text of each float. Columns that lie
side by side and seldom change are one text, made once: `offer_text`, `tries_text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

COLUMNS: Final = (
    "step,tenant_id,workload_type,gpu_type,gpu_hours,provider_id,outcome,accepted,price_usd_per_hour,latency_ms,reason,"
    "order_id,time_s,region,gpus,bridge,rtt_ms,attempts,failovers,policy_code,ended_s,placement_s,settlement_s"
)

FilledOrder = tuple[
    str, str, str, float, str, str, float, str, int, str, float, str, float, float, float, str, float, float
]
"""A filled order, as its row says it: tenant, workload, GPU type, GPU-hours, `offer_text`, order id, arrival in s, region, GPUs,
bridge, round trip in ms, `tries_text`, end in s, placement in s, settlement in s; and beyond the row: provider, price in USD per
GPU-hour, latency in ms."""
TENANT: Final = 0
GPU_HOURS: Final = 3
ORDER_ID: Final = 5
ARRIVAL: Final = 6
RTT: Final = 10
ENDED: Final = 12
PROVIDER: Final = 15
PRICE: Final = 16
LATENCY: Final = 17
_IN_ROW: Final = 15
_FILLED: Final = "%s,%s,%s,%.4f,%s,%s,%.3f,%s,%d,%s,%.3f,%s,%.3f,%.1f,%.1f\n"
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


def offer_text(provider_id: str, price_usd_per_hour: float, latency_ms: float) -> str:
    """The columns from the provider to the reason, of an order that it filled."""
    return f"{provider_id},filled,1,{price_usd_per_hour:.4f},{latency_ms:.1f},"


def tries_text(attempts: int, failovers: int, policy_code: int) -> str:
    """The columns of attempts, failovers and policy code."""
    if attempts == 1 and failovers == 0 and policy_code == 0:
        return "1,0,0"  # nearly always
    return f"{attempts},{failovers},{policy_code}"


def filled_rows(step: int, orders: Sequence[FilledOrder]) -> str:
    """The rows of filled orders."""
    form = f"{step},{_FILLED}"
    rows: Sequence[tuple[object, ...]] = orders  # that compiled code takes none of them apart
    return "".join([form % order[:_IN_ROW] for order in rows])


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
