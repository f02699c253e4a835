"""Loss systems: orders that find no GPU are gone. Erlang-B, Kaufman-Roberts, Little's law, and the pooled bound.

Tenants' orders are Poisson. A random split by GPU type leaves each part so, and a random delay on the bridge does too
(displacement), so that each provider is a loss system by itself, at which only the mean of the holds counts (insensitivity).
"""

from __future__ import annotations

import math
from typing import Final

from aurora_sim.lab.selfcheck.bare import HOUR_S, Bare, Pool, bridge, lent_at_first
from aurora_sim.lab.selfcheck.case import Case, Quantity, Sample
from aurora_sim.lab.selfcheck.engine_run import Counts, engine_run
from aurora_sim.lab.selfcheck.theory import erlang_b, kaufman_roberts, lognormal_mean
from aurora_sim.observe.recorder import STEP_S

MINUTES_PER_HOUR: Final = 60.0
HOLD_H: Final = 1.0 / 6.0
"""The mean hold of a GPU: ten steps."""
SETTLE_STEPS: Final = 200
"""Twenty mean holds, after which nothing of the start is left to be seen."""
SIGMA_HEAVY: Final = 1.0


def _settled(bare: Bare, seed: int, steps: int) -> tuple[Counts, float]:
    """A run's counts, and the mean number of leased GPUs, from when it is settled."""
    counts, readings, _ = engine_run(
        bare, seed, steps, settled_s=SETTLE_STEPS * STEP_S, faults=lent_at_first(bare.pools)
    )
    leased_gpu_h = readings[-1].gpu_hours_leased - readings[SETTLE_STEPS - 1].gpu_hours_leased
    return counts, leased_gpu_h / ((steps - SETTLE_STEPS) * STEP_S / HOUR_S)


# Erlang-B, and Little's law for the leases.

SERVERS: Final = 12
ERLANGS: Final = 15.0
HOLDS: Final = {
    "exponential": {"job_law": "exponential", "job_median_h": HOLD_H * math.log(2.0)},
    "constant": {"job_median_h": HOLD_H},
    "heavy-tailed": {"job_median_h": HOLD_H / lognormal_mean(1.0, SIGMA_HEAVY), "job_sigma": SIGMA_HEAVY},
}
PROVIDERS: Final = {"exponential": 4, "constant": 2, "heavy-tailed": 5}
"""Constant holds leave less to chance."""
ERLANG_STEPS: Final = 2200
POOLS: Final = [
    Pool(f"{hold}-{number}", [SERVERS], bridge="slow", **law)  # type: ignore[arg-type]
    for hold, law in HOLDS.items()
    for number in range(PROVIDERS[hold])
]


def erlang_b_run(seed: int) -> Sample:
    """Ten providers behind one bridge of seconds, each with one law of the holds."""
    rate_per_minute = len(POOLS) * ERLANGS / (HOLD_H * MINUTES_PER_HOUR)
    slow = bridge(network_median_ms=3000.0, network_sigma=1.0)
    counts, leased = _settled(Bare(POOLS, rate_per_minute, {"slow": slow}), seed, ERLANG_STEPS)
    shares = {
        f"lost, {hold} holds": [counts.lost_share(pool.gpu_type) for pool in POOLS if pool.gpu_type.startswith(hold)]
        for hold in HOLDS
    }
    accepted_per_h = sum(counts.filled_of.values()) / ((ERLANG_STEPS - SETTLE_STEPS) * STEP_S / HOUR_S)
    return {**shares, "mean leased GPUs": [leased], "accepted x hold": [accepted_per_h * HOLD_H]}


ERLANG_B: Final = Case(
    "erlang-b",
    [
        *(Quantity(f"lost, {hold} holds", erlang_b(SERVERS, ERLANGS)) for hold in HOLDS),
        Quantity("mean leased GPUs", "accepted x hold"),
    ],
    16,
    erlang_b_run,
)

# Kaufman-Roberts.

SIZES: Final = (1, 2, 4, 8)
SIZED_SERVERS: Final = 32
SIZED_GPU_LOAD: Final = 28.0
"""Erlangs of GPUs, a quarter of them from each size."""
SIZED_STEPS: Final = 1900
SIZED_POOLS: Final = [
    Pool(f"sized-{number}", [SIZED_SERVERS], HOLD_H * math.log(2.0), job_law="exponential") for number in range(4)
]


def kaufman_roberts_run(seed: int) -> Sample:
    """Four providers; an order's GPU-hours do not depend on its GPUs, so that the larger ones are the shorter."""
    orders_per_h = len(SIZED_POOLS) * SIZED_GPU_LOAD / HOLD_H
    bare = Bare(SIZED_POOLS, orders_per_h / MINUTES_PER_HOUR, gpus_per_order=dict.fromkeys(SIZES, 1.0 / len(SIZES)))
    counts, _ = _settled(bare, seed, SIZED_STEPS)
    return {f"lost, {gpus} GPUs": [counts.lost_share(pool.gpu_type, gpus) for pool in SIZED_POOLS] for gpus in SIZES}


_SIZED_LOST: Final = kaufman_roberts(SIZED_SERVERS, {gpus: SIZED_GPU_LOAD / len(SIZES) / gpus for gpus in SIZES})
KAUFMAN_ROBERTS: Final = Case(
    "kaufman-roberts",
    [Quantity(f"lost, {gpus} GPUs", _SIZED_LOST[gpus]) for gpus in SIZES],
    16,
    kaufman_roberts_run,
)

# The pooled bound: no router loses fewer than one provider that has the GPUs of all.

SHARED: Final = (14, 10, 6)
SHARED_ERLANGS: Final = 27.0
SHARED_STEPS: Final = 1150
SHARED_POOLS: Final = [
    Pool(f"shared-{number}", SHARED, HOLD_H * math.log(2.0), job_law="exponential") for number in range(4)
]


def pooled_run(seed: int) -> Sample:
    """Four GPU types, each at three providers. The router asks one after the other, which all but reaches the bound."""
    rate_per_minute = len(SHARED_POOLS) * SHARED_ERLANGS / (HOLD_H * MINUTES_PER_HOUR)
    counts, _ = _settled(Bare(SHARED_POOLS, rate_per_minute), seed, SHARED_STEPS)
    return {"lost, three providers": [counts.lost_share(pool.gpu_type) for pool in SHARED_POOLS]}


POOLED: Final = Case(
    "pooled-erlang-b",
    [Quantity("lost, three providers", erlang_b(sum(SHARED), SHARED_ERLANGS), law="at least")],
    16,
    pooled_run,
)
