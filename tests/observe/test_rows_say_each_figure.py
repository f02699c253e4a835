"""A row says each figure of its order with the decimals of its column, though some of its text is made once for many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.observe.rows import COLUMNS, FilledOrder, filled_rows, offer_text, tries_text

FIGURES = st.floats(0.0, 1e6)
NAMES = st.sampled_from(["akash", "tenant-gaming", "A100"])
COUNTS = st.integers(0, 3)


@given(
    st.lists(NAMES, min_size=8, max_size=8), st.lists(FIGURES, min_size=8, max_size=8), COUNTS, COUNTS, COUNTS, COUNTS
)
def test_a_filled_row_is_its_columns(
    names: list[str], figures: list[float], gpus: int, attempts: int, failovers: int, code: int
) -> None:
    tenant, workload, kind, provider, order_id, region, bridge, _ = names
    hours, price, latency_ms, time_s, rtt_ms, ended_s, placement_s, settlement_s = figures
    order: FilledOrder = (
        tenant, workload, kind, hours, offer_text(provider, price, latency_ms), order_id, time_s, region, gpus, bridge, rtt_ms,
        tries_text(attempts, failovers, code), ended_s, placement_s, settlement_s, provider, price, latency_ms,
    )  # fmt: skip
    said = {
        "step": "7", "tenant_id": tenant, "workload_type": workload, "gpu_type": kind, "gpu_hours": f"{hours:.4f}",
        "provider_id": provider, "outcome": "filled", "accepted": "1", "price_usd_per_hour": f"{price:.4f}",
        "latency_ms": f"{latency_ms:.1f}", "reason": "", "order_id": order_id, "time_s": f"{time_s:.3f}", "region": region,
        "gpus": f"{gpus}", "bridge": bridge, "rtt_ms": f"{rtt_ms:.3f}", "attempts": f"{attempts}",
        "failovers": f"{failovers}", "policy_code": f"{code}", "ended_s": f"{ended_s:.3f}",
        "placement_s": f"{placement_s:.1f}", "settlement_s": f"{settlement_s:.1f}",
    }  # fmt: skip
    assert [*said] == COLUMNS.split(",")
    assert filled_rows(7, [order, order]) == 2 * (",".join(said.values()) + "\n")
