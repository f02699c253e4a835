"""Bridges: orders under way as M/G/infinity, and the queue for relayers as M/M/c and M/G/1."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from aurora_sim.lab.selfcheck.bare import Bare, Pool, bridge
from aurora_sim.lab.selfcheck.case import Case, Quantity, Sample
from aurora_sim.lab.selfcheck.engine_run import engine_run
from aurora_sim.lab.selfcheck.theory import erlang_c_wait_s, lognormal_mean, pollaczek_khinchine_s
from aurora_sim.observe.recorder import STEP_S

AMPLE_GPUS: Final = 1_000_000
INSTANT_H: Final = 1e-4
MINUTE_S: Final = 60.0

# M/G/infinity: on a bridge without a queue the orders under way are Poisson, and Little's law holds.

FLIGHT_PER_MINUTE: Final = 5.0
FLIGHT_MEDIAN_S: Final = 55.0
FLIGHT_SIGMA: Final = 0.2
FLIGHT_S: Final = lognormal_mean(FLIGHT_MEDIAN_S, FLIGHT_SIGMA)
FLIGHT_STEPS: Final = 900
FLIGHT_SETTLE_STEPS: Final = 10
"""By then whatever was sent before time 0 would long be back."""


def flight_run(seed: int) -> Sample:
    """The orders in flight are counted once a step, about as often as a round trip takes."""
    away = bridge(network_median_ms=FLIGHT_MEDIAN_S * 1000.0, network_sigma=FLIGHT_SIGMA)
    bare = Bare([Pool("any", [AMPLE_GPUS], INSTANT_H, bridge="away")], FLIGHT_PER_MINUTE, {"away": away})
    counts, readings, in_flight = engine_run(bare, seed, FLIGHT_STEPS)
    seen = np.array(in_flight[FLIGHT_SETTLE_STEPS:], dtype=float)
    filled = counts.filled_of["any", 1]
    arrivals_per_s = sum(reading.tally.arrived for reading in readings) / (FLIGHT_STEPS * STEP_S)
    expected = FLIGHT_PER_MINUTE / MINUTE_S * FLIGHT_S
    return {
        "mean in flight": [float(seen.mean())],
        # About the mean that it has in truth, so that no division makes it biased.
        "dispersion in flight": [float(((seen - expected) ** 2).mean()) / expected],
        "rate x mean round trip": [arrivals_per_s * counts.rtt_s["any"] / filled],
    }


FLIGHT: Final = Case(
    "mg-infinity",
    [
        Quantity("mean in flight", FLIGHT_PER_MINUTE / MINUTE_S * FLIGHT_S),
        Quantity("dispersion in flight", 1.0),
        Quantity("rate x mean round trip", "mean in flight"),
    ],
    48,
    flight_run,
)

# The relayers' queue.

BRIDGES: Final = 4
QUEUE_PER_MINUTE: Final = 5.0
"""To each bridge."""
RELAYERS: Final = 4
RELAYERS_BUSY: Final = 0.7
RELAYER_BUSY: Final = 0.5
RELAY_SIGMA: Final = 0.38
ERLANG_C_STEPS: Final = 440
POLLACZEK_KHINCHINE_STEPS: Final = 220
QUEUE_SETTLE_S: Final = 2400.0
_RATE_PER_S: Final = QUEUE_PER_MINUTE / MINUTE_S
_EXPONENTIAL_S: Final = RELAYERS_BUSY * RELAYERS / _RATE_PER_S
_LOGNORMAL_S: Final = RELAYER_BUSY / _RATE_PER_S


def _round_trips(relays: dict[str, object], seed: int, steps: int) -> list[float]:
    """The mean round trip over each of four equal bridges, in s."""
    names = [f"relayed-{number}" for number in range(BRIDGES)]
    pools = [Pool(name, [AMPLE_GPUS], INSTANT_H, bridge=name) for name in names]
    bare = Bare(pools, BRIDGES * QUEUE_PER_MINUTE, dict.fromkeys(names, relays))
    counts, _, _ = engine_run(bare, seed, steps, settled_s=QUEUE_SETTLE_S)
    return [counts.rtt_s[name] / counts.filled_of[name, 1] for name in names]


def erlang_c_run(seed: int) -> Sample:
    """Four relayers, exponential service."""
    relays = bridge(
        service_median_ms=_EXPONENTIAL_S * 1000.0 * math.log(2.0), service_law="exponential", workers=RELAYERS
    )
    return {"round trip": _round_trips(relays, seed, ERLANG_C_STEPS)}


def pollaczek_khinchine_run(seed: int) -> Sample:
    """One relayer, log-normal service of the production bridges' sigma."""
    relays = bridge(
        service_median_ms=_LOGNORMAL_S * 1000.0 / lognormal_mean(1.0, RELAY_SIGMA),
        service_sigma=RELAY_SIGMA,
        workers=1,
    )
    return {"round trip": _round_trips(relays, seed, POLLACZEK_KHINCHINE_STEPS)}


_TRAVEL_S: Final = 1e-3 + 1e-6
"""The bare bridge's network and gateway."""
ERLANG_C: Final = Case(
    "erlang-c",
    [Quantity("round trip", _TRAVEL_S + _EXPONENTIAL_S + erlang_c_wait_s(RELAYERS, _RATE_PER_S, _EXPONENTIAL_S), "s")],
    16,
    erlang_c_run,
)
POLLACZEK_KHINCHINE: Final = Case(
    "pollaczek-khinchine",
    [
        Quantity(
            "round trip",
            _TRAVEL_S
            + _LOGNORMAL_S
            + pollaczek_khinchine_s(_RATE_PER_S, _LOGNORMAL_S, _LOGNORMAL_S**2 * math.exp(RELAY_SIGMA**2)),
            "s",
        )
    ],
    16,
    pollaczek_khinchine_run,
)
