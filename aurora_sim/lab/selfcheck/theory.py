"""The exact answers: loss systems, queues, and the dispersion of bursty demand."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping

from aurora_sim.world.intensity import DAY_S


def erlang_b(servers: int, erlangs: float) -> float:
    """The share lost of M/G/c/c, whatever the law of the holds. Erlang, 1917; the recursion over servers."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = erlangs * blocked / (n + erlangs * blocked)
    return blocked


def kaufman_roberts(servers: int, erlangs: Mapping[int, float]) -> dict[int, float]:
    """The share lost of each size; `erlangs` by GPUs an order. Kaufman, IEEE Trans. Comm. 29 (1981)."""
    states = [1.0]
    for n in range(1, servers + 1):
        states.append(sum(load * size * states[n - size] for size, load in erlangs.items() if size <= n) / n)
    total = sum(states)
    return {size: sum(states[servers - size + 1 :]) / total for size in erlangs}


def erlang_c_wait_s(servers: int, rate_per_s: float, service_s: float) -> float:
    """The mean wait of M/M/c. Erlang, 1917: C / (c mu - lambda), where C = B / (1 - rho (1 - B))."""
    load = rate_per_s * service_s
    blocked = erlang_b(servers, load)
    waits = blocked / (1.0 - load / servers * (1.0 - blocked))
    return waits / (servers / service_s - rate_per_s)


def pollaczek_khinchine_s(rate_per_s: float, mean_s: float, square_s2: float) -> float:
    """The mean wait of M/G/1: lambda E[S^2] / (2 (1 - rho))."""
    return rate_per_s * square_s2 / (2.0 * (1.0 - rate_per_s * mean_s))


def lognormal_mean(median: float, sigma: float) -> float:
    return median * math.exp(sigma**2 / 2.0)


def burst_dispersion(
    window_s: float,
    *,
    rate_per_s: float,
    batch_mean: float,
    spread_s: float,
    calm_s: float,
    burst_s: float,
    ratio: float,
    amplitude: float,
) -> float:
    """The dispersion of the counts N of orders in windows of t seconds that tile whole days: E[(N - m)^2] / m, m = rate t.

    Batches begin at the rate nu(s) = rate / b x d(s) x J(s). d is the daily curve 1 + a cos(w s + phase). J is the two-state
    chain, of mean 1: with p = burst / (calm + burst), J = 1 / (1 - p + ratio p) when calm and `ratio` times that in a burst, so
    Var J = v = p (1 - p) (ratio - 1)^2 / (1 - p + ratio p)^2, and Cov(J(s), J(s + x)) = v exp(-k x), k = 1 / calm + 1 / burst.
    A batch has a geometric number of orders, of mean b: E[B (B - 1)] / E[B] = 2 (b - 1). Each comes after an exponential delay
    of mean D, so that the difference x of two delays is Laplace: exp(-|x| / D) / (2 D).

    The second factorial moment of N counts pairs of orders. Write G(z) = 2 / t x (integral of (t - x) exp(-z x) over 0..t)
    = 2 (z t - 1 + exp(-z t)) / (z^2 t). Then, per m,

    - an order with itself: 1;
    - pairs of one batch: 2 (b - 1) x G(1 / D) / (2 D), and 2 (b - 1) without a spread;
    - pairs of two batches, above the m^2 that is subtracted: rate x (G of the product of the two curves' covariances, its mean 1
      taken off), where averaged over a day d(s) d(s + x) is 1 + a^2 / 2 cos(w x). The product
      (1 + a^2 / 2 cos w x) (1 + v exp(-k x)) - 1 is a sum of terms c Re exp(-z x) with (c, z) = (v, k), (a^2 / 2, i w) and
      (a^2 v / 2, k + i w). The delays smooth each: exp(-z |x|) becomes (exp(-z |x|) - z D exp(-|x| / D)) / (1 - z^2 D^2).
    """
    share = burst_s / (calm_s + burst_s)
    variance = share * (1.0 - share) * ((ratio - 1.0) / (1.0 - share + ratio * share)) ** 2
    decay = 1.0 / calm_s + 1.0 / burst_s
    turn = 2.0 * math.pi / DAY_S
    daily = amplitude**2 / 2.0

    def pairs(z: complex) -> complex:
        return 2.0 * (z * window_s - 1.0 + cmath.exp(-z * window_s)) / (z**2 * window_s)

    within = 1.0 if spread_s == 0.0 else pairs(1.0 / spread_s).real / (2.0 * spread_s)
    near = 0.0 if spread_s == 0.0 else pairs(1.0 / spread_s)
    terms = ((variance, complex(decay)), (daily, 1j * turn), (daily * variance, decay + 1j * turn))
    across = sum(
        weight * ((pairs(z) - z * spread_s * near) / (1.0 - (z * spread_s) ** 2)).real for weight, z in terms if weight
    )
    return 1.0 + 2.0 * (batch_mean - 1.0) * within + rate_per_s * across
