"""The determinism probe: a module whose decisions depend on the calls before them is refused at load.

State in a WASM global is invisible in memory, so the same orders are decided forwards by one instance, backwards by a
second, and as a batch by a third. It is a check, not a proof: a module that turns after its ten-thousandth call passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.policy import abi
from aurora_sim.treaty.policy.sandbox import FUEL_TANK

if TYPE_CHECKING:
    from aurora_sim.treaty.policy.host import PolicyHost

ORDERS: Final = 256

PROBE_TERMS: Final = abi.TreatyTerms(
    region_mask=0b1011,
    quota_gpu_hours_total=1_000.0,
    quota_gpu_hours_daily_per_tenant=100.0,
    min_reputation=50,
)
"""The probe's own treaty: a module's fitness does not depend on the terms it is loaded with."""

STATELESS: Final = "A decision must follow from the treaty block and the order alone, whatever was decided before"

# Lists of coprime lengths, so that 256 orders meet their values in 256 combinations; most values lead to "allow".
GPU_HOURS: Final = (1.0, 0.5, 8.0, 2.0, 0.25, 4.0, 0.0, 1.5, 3.0, float("nan"), 10.0)
USED_TODAY: Final = (0.0, 10.0, 99.0, 50.0, 20.0, 96.0, 100.0)
USED_TOTAL: Final = (0.0, 500.0, 996.0, 250.0, 999.0)
REGION: Final = (0, 1, 0, 3, 0, 1, 2, 3, 0, 1, 0, 64, 3)
REPUTATION: Final = (78, 50, 90, 49)
NONCE_SEEN: Final = (0, 0, 0, 0, 0, 0, 0, 0, 1)


def probe_orders() -> list[abi.OrderTuple]:
    columns = (GPU_HOURS, USED_TODAY, USED_TOTAL, REGION, REPUTATION, NONCE_SEEN)
    return [tuple(column[i % len(column)] for column in columns) for i in range(ORDERS)]  # type: ignore[misc]


def probe(host: PolicyHost) -> None:
    """Raises `InputError` where the decisions differ. A trap counts as a decision, `policy_error`, in every pass.

    `host` has `PROBE_TERMS`; it is left with an instance that has seen these orders.
    """
    orders = probe_orders()
    forwards = decide_within_fuel(host, orders)
    host.renew()
    backwards = [host.decide(*order) for order in reversed(orders)][::-1]
    host.renew()
    batched = decide_batched(host, orders, forwards)
    for what, other in (("keeps state between calls", backwards), ("authorize_batch disagrees", batched)):
        if other != forwards:
            raise InputError(str(host.path), f"{what}: {first_difference(orders, forwards, other)}", STATELESS)


def decide_within_fuel(host: PolicyHost, orders: list[abi.OrderTuple]) -> list[int]:
    """The codes, one by one. Raises at the first order that burns a full tank: 256 of them would take seconds."""
    codes = []
    for order in orders:
        codes.append(host.decide(*order))
        if host.out_of_fuel:
            raise InputError(
                str(host.path),
                f"burns more than {FUEL_TANK} fuel for {described(order)}",
                "A decision must end: look for a loop, or make it simpler",
            )
    return codes


def decide_batched(host: PolicyHost, orders: list[abi.OrderTuple], singly: list[int]) -> list[int]:
    """The codes of `authorize_batch`; those of a batch that fails are `singly`'s, as `decide_batch` has it."""
    codes: list[int] = []
    for start in range(0, len(orders), host.order_capacity):
        chunk = orders[start : start + host.order_capacity]
        answer = host.decide_slots(b"".join(abi.ORDER.pack(*order) for order in chunk), len(chunk))
        if answer is None:
            codes += singly[start : start + len(chunk)]
            continue
        for slot in range(abi.DECISION_OFFSET, len(answer), abi.SLOT_BYTES):
            code = int.from_bytes(answer[slot : slot + 4], "little", signed=True)
            codes.append(code if 0 <= code < len(abi.DECISIONS) else abi.POLICY_ERROR)
    return codes


def first_difference(orders: list[abi.OrderTuple], one: list[int], other: list[int]) -> str:
    """The first order that two passes decided differently, for the message."""
    for order, (a, b) in zip(orders, zip(one, other, strict=True), strict=True):
        if a != b:
            return f"{abi.reason(a)}, then {abi.reason(b)} for {described(order)}"
    return "no difference"


def described(order: abi.OrderTuple) -> str:
    return ", ".join(f"{name}={value}" for name, value in zip(abi.ORDER_FIELDS, order, strict=True))
