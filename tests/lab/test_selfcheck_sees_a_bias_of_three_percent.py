"""Each case of the self-check misses theory when the engine that it runs is off by 3 %: nothing else is changed.

The biases are put into the very parts that a run uses. Some cases see theirs with a part of their runs already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from aurora_sim.lab.selfcheck.case import judge
from aurora_sim.lab.selfcheck.check import CASES, LEVEL, tasks, work
from aurora_sim.lab.selfcheck.engine_run import Counts
from aurora_sim.observe.recorder import StepReading
from aurora_sim.observe.rows import RTT, FilledOrder
from aurora_sim.scenario import faults
from aurora_sim.world import intensity, renewals, sources
from aurora_sim.world.bridge import Bridge
from aurora_sim.world.demand import TenantOrders
from aurora_sim.world.intensity import Intensity, MmppShape
from aurora_sim.world.provider import Provider
from aurora_sim.world.streams import Draws, Streams

Patch = pytest.MonkeyPatch
OFF = 1.03


def missed(name: str, runs: int | None = None) -> set[str]:
    """The quantities of a case that miss their theory, after all of its runs or the first few."""
    case = CASES[name]
    findings = judge(case, [work(task) for task in tasks(case, seed=1)[:runs]], LEVEL)
    return {finding.quantity for finding in findings if not finding.passed}


def after_making(patch: Patch, kind: type, spoil: Callable[..., None]) -> None:
    """Let `spoil` have each object of a class when it is made."""
    make = kind.__init__  # type: ignore[misc]

    def made(self: object, *arguments: object, **named: object) -> None:
        make(self, *arguments, **named)
        spoil(self)

    patch.setattr(kind, "__init__", made)


def jobs_last(patch: Patch, factor: float) -> None:
    after_making(patch, TenantOrders, lambda orders: setattr(orders, "_median_h", orders._median_h * factor))


def rates_are(patch: Patch, factor: float) -> None:
    def off(*arguments: object) -> Intensity:
        right = intensity.diurnal(*arguments)  # type: ignore[arg-type]
        return replace(right, rate_per_s=right.rate_per_s * factor)

    patch.setattr(sources, "diurnal", off)


def bridges_have(patch: Patch, what: str) -> None:
    after_making(patch, Bridge, lambda bridge: setattr(bridge, what, getattr(bridge, what) * OFF))


def test_erlang_b_sees_longer_jobs(monkeypatch: Patch) -> None:
    jobs_last(monkeypatch, OFF)
    assert missed("erlang-b") == {
        "lost, exponential holds", "lost, constant holds", "lost, heavy-tailed holds", "mean leased GPUs",
    }  # fmt: skip


def test_kaufman_roberts_sees_fewer_gpus(monkeypatch: Patch) -> None:
    def fewer(provider: Provider) -> None:
        for gpu_type, gpus in provider.base_capacity_gpus.items():
            provider.base_capacity_gpus[gpu_type] = math.floor(gpus / OFF)
        provider.recompute()

    after_making(monkeypatch, Provider, fewer)
    assert missed("kaufman-roberts") >= {"lost, 4 GPUs", "lost, 8 GPUs"}


def test_no_router_beats_the_pool_unless_jobs_are_shorter_than_they_say(monkeypatch: Patch) -> None:
    jobs_last(monkeypatch, 1.0 / OFF)
    assert missed("pooled-erlang-b")


def test_mg_infinity_sees_a_slower_network(monkeypatch: Patch) -> None:
    bridges_have(monkeypatch, "_network_s")
    assert missed("mg-infinity", runs=24) == {"mean in flight"}


def test_mg_infinity_sees_gaps_that_stray_more_than_exponential_ones(monkeypatch: Patch) -> None:
    """Gaps to the power 1.03, of the same mean: their standard deviation is 3 % larger."""
    right, mean = Streams.exponential, math.gamma(1.0 + OFF)
    monkeypatch.setattr(Streams, "exponential", lambda *arguments: right(*arguments) ** OFF / mean)
    assert missed("mg-infinity") == {"dispersion in flight"}


def test_little_s_law_sees_round_trips_written_down_too_long(monkeypatch: Patch) -> None:
    right = Counts.take

    def off(counts: Counts, filled: list[FilledOrder], reading: StepReading) -> None:
        longer = [(*order[:RTT], order[RTT] * OFF, *order[RTT + 1 :]) for order in filled]
        right(counts, longer, reading)  # type: ignore[arg-type]  # an order is too long a tuple to be put together again

    monkeypatch.setattr(Counts, "take", off)
    assert missed("mg-infinity", runs=12) == {"rate x mean round trip"}


def test_erlang_c_sees_slower_relayers(monkeypatch: Patch) -> None:
    bridges_have(monkeypatch, "_service_s")
    assert missed("erlang-c")


def test_pollaczek_khinchine_sees_a_slower_relayer(monkeypatch: Patch) -> None:
    bridges_have(monkeypatch, "_service_s")
    assert missed("pollaczek-khinchine")


def test_availability_sees_longer_repairs(monkeypatch: Patch) -> None:
    right = renewals._outage

    def longer(spell: renewals.Spell, **target: str) -> faults.Outage:
        return right(spell._replace(for_s=spell.for_s * OFF), **target)

    monkeypatch.setattr(renewals, "_outage", longer)
    assert missed("availability")


def test_daily_gaps_see_a_higher_rate(monkeypatch: Patch) -> None:
    rates_are(monkeypatch, OFF)
    assert missed("daily-gaps") == {"gaps, office hours", "gaps, consumer hours"}


def test_every_preset_s_dispersion_sees_larger_batches(monkeypatch: Patch) -> None:
    right = intensity.batches

    def larger(name: str, preset: MmppShape, rate: Intensity, streams: Streams) -> Iterator[Draws]:
        """As many batches as ever."""
        more = replace(rate, rate_per_s=rate.rate_per_s * OFF)
        return right(name, replace(preset, batch_mean=preset.batch_mean * OFF), more, streams)

    monkeypatch.setattr(sources, "batches", larger)
    assert missed("burst-dispersion") == {quantity.name for quantity in CASES["burst-dispersion"].quantities}


def test_a_dispersion_sees_bursts_of_a_higher_ratio(monkeypatch: Patch) -> None:
    for name, preset in list(intensity.MMPP_PRESETS.items()):
        monkeypatch.setitem(intensity.MMPP_PRESETS, name, replace(preset, ratio=preset.ratio * OFF))
    assert "dispersion, steady" in missed("burst-dispersion")
