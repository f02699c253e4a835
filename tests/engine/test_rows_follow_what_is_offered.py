"""What a row says of a provider's offer is that of the moment, though its text is kept from order to order."""

from __future__ import annotations

from typing import Any

import pytest
from engine_runs import simulate

from aurora_sim.engine.simulation import Simulation
from aurora_sim.observe.recorder import StepReading
from aurora_sim.observe.rows import LATENCY, PRICE, PROVIDER, offer_text

OFFER = 4


def test_price_and_latency_are_those_of_the_fill() -> None:
    filled: list[tuple[Any, ...]] = []

    def keep(ended: list[Any], _: StepReading) -> None:
        filled.extend(order for order in ended if isinstance(order, tuple))

    def listen(simulation: Simulation, step: int) -> None:
        if step == 0:
            simulation._recorder.step_closed = keep

    seen = simulate(
        {"at": 300, "for": 300, "fault": "price", "provider": "akash", "factor": 1.05},
        {"at": 450, "for": 300, "fault": "latency", "provider": "akash", "factor": 1.1},
        before_step=listen,
    )
    assert all(order[OFFER] == offer_text(order[PROVIDER], order[PRICE], order[LATENCY]) for order in filled)
    of_akash = [order for order in filled if order[PROVIDER] == "akash"]
    assert len({order[LATENCY] for order in of_akash}) == 2
    assert len({order[PRICE] for order in of_akash}) > 1
    before, within = (next(p for p in seen.readings[step].providers if p.provider_id == "akash") for step in (3, 6))
    assert within.price_usd_per_hour == pytest.approx(1.05 * before.price_usd_per_hour)
