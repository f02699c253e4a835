"""Renewal outages: a provider that is up and down by turns is up a share MTTF / (MTTF + MTTR) of the time."""

from __future__ import annotations

from typing import Final

from aurora_sim.lab.selfcheck.bare import Bare, Pool
from aurora_sim.lab.selfcheck.case import Case, Quantity, Sample
from aurora_sim.lab.selfcheck.engine_run import engine_run
from aurora_sim.lab.selfcheck.theory import lognormal_mean

MTTF_H: Final = 1.0 / 6.0
UP_SHAPE: Final = 3.0
"""Weibull's k."""
MTTR_H: Final = 1.0 / 12.0
REPAIR_SIGMA: Final = 0.3
STEPS: Final = 3900
POOLS: Final = [Pool(f"failing-{number}", [1000], 1.0) for number in range(8)]
LAW: Final = {
    "up_time_mean_h": MTTF_H,
    "repair_median_h": MTTR_H / lognormal_mean(1.0, REPAIR_SIGMA),
    "repair_sigma": REPAIR_SIGMA,
}


def availability_run(seed: int) -> Sample:
    """Eight providers that fail independently; each is looked at once a step. They are in equilibrium from time 0 on."""
    outages = {provider_id: LAW for pool in POOLS for provider_id in pool.providers}
    bare = Bare(POOLS, 1.0, outages=outages, up_time_weibull_k=UP_SHAPE)
    _, readings, _ = engine_run(bare, seed, STEPS)
    up = [sum(reading.providers[place].active for reading in readings) for place in range(len(POOLS))]
    return {"share of time up": [steps / STEPS for steps in up]}


AVAILABILITY: Final = Case(
    "availability", [Quantity("share of time up", MTTF_H / (MTTF_H + MTTR_H))], 8, availability_run
)
