"""Outages that come by themselves: up, dark, up again, for providers, bridges and regions, worked out before the run starts.

They are ordinary outage faults, so whatever sees a scenario's faults sees these: `akash-renewal-3` is Akash's third in the run,
`us-west-2-joint-1-vast` is what the first event of us-west-2 did to Vast.ai there. Each process is in equilibrium at time 0:
what is dark then goes dark at 0, for the rest of its repair. Each k-th time is drawn at index k from streams of its own, so
neither a longer run nor another provider moves any of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from aurora_sim.scenario.config import ANYWHERE
from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.failures import Renewal, RenewalOutages
from aurora_sim.scenario.faults import Fault, Outage
from aurora_sim.scenario.quantities import SECONDS_MAX
from aurora_sim.world.streams import Streams
from aurora_sim.world.weibull import excess, weibull_scale

HOUR_S: Final = 3600.0
SMALLEST_SHARE: Final = 0.0001


class Spell(NamedTuple):
    """The `number`-th time that something was dark, counted from 1; whole seconds."""

    number: int
    at_s: float
    for_s: float
    share: float


def renewal_outages(config: WorldConfig, streams: Streams, until_s: float) -> list[tuple[str, Fault]]:
    """Every outage that begins before `until_s`, with its name, in time; none where the model is off."""
    model = config.failures.outages
    if not model.enabled:
        return []
    regions = {region for provider in config.providers.values() for region in provider.regions} - {ANYWHERE}
    found: list[tuple[str, Fault]] = [
        (f"{provider_id}-renewal-{spell.number}", _outage(spell, provider=provider_id))
        for provider_id, law in model.providers.items()
        for spell in spells(provider_id, law, model, streams, until_s)
    ]
    found += [
        (f"{bridge}-renewal-{spell.number}", _outage(spell, bridge=bridge))
        for bridge in config.bridges
        for spell in spells(bridge, model.bridges, model, streams, until_s)
    ]
    for region in sorted(regions):
        for spell in spells(region, model.regions, model, streams, until_s):
            found += _joint(region, spell, config, streams)
    return sorted(found, key=lambda named: (named[1].at, named[0]))


def repair_mean_h(law: Renewal) -> float:
    """The mean of the log-normal repair: median x exp(sigma^2 / 2)."""
    return law.repair_median_h * math.exp(law.repair_sigma**2 / 2.0)


def availability(law: Renewal, up_time_factor: float = 1.0) -> float:
    """The share of time without an outage: mean up-time / (mean up-time + mean repair)."""
    up_h = law.up_time_mean_h * up_time_factor
    return up_h / (up_h + repair_mean_h(law))


def spells(name: str, law: Renewal, model: RenewalOutages, streams: Streams, until_s: float) -> Iterator[Spell]:
    """The spells of darkness that begin before `until_s`, from an equilibrium at time 0 on.

    An up-time of mean m is Weibull, a repair log-normal. At time 0 it is dark with probability 1 - `availability`, and what is
    left of the time in which it finds itself has the excess law: for a spell of length-biased law L, uniform on (0, L).
    """
    k = model.up_time_weibull_k
    mean_s = law.up_time_mean_h * model.up_time_factor * HOUR_S
    scale_s = weibull_scale(mean_s, k)
    median_s, sigma = law.repair_median_h * HOUR_S, law.repair_sigma
    up = streams.lookup(f"{name}/renewal/up", "exponential")
    repair = streams.lookup(f"{name}/renewal/repair", "normal")
    first = streams.generator(f"{name}/renewal/first", 0)
    dark_at_0 = first.random() >= availability(law, model.up_time_factor)
    left_up_s = scale_s * excess(first.standard_gamma(1.0 / k), k)
    # The length-biased log-normal has the same sigma, and its median is exp(sigma^2) times as long.
    left_dark_s = median_s * math.exp(sigma**2 + sigma * first.standard_normal()) * first.random()
    now_s = 0.0 if dark_at_0 else left_up_s
    number = 1
    while round(now_s) < until_s:
        for_s = left_dark_s if number == 1 and dark_at_0 else median_s * math.exp(sigma * repair.at(number))
        at_s = float(round(now_s))
        yield Spell(number, at_s, max(1.0, float(round(for_s))), _share(name, number, model, streams))
        now_s = at_s + for_s + scale_s * up.at(number) ** (1.0 / k)
        number += 1


def _share(name: str, number: int, model: RenewalOutages, streams: Streams) -> float:
    """How much of it an outage takes."""
    draws = streams.generator(f"{name}/renewal/share", number)
    if draws.random() < model.full_share:
        return 1.0
    return max(SMALLEST_SHARE, round(float(draws.beta(model.partial_loss.alpha, model.partial_loss.beta)), 4))


def _joint(region: str, event: Spell, config: WorldConfig, streams: Streams) -> Iterator[tuple[str, Fault]]:
    """What an event of a region strikes: of each provider its nodes there, and its nodes elsewhere, each by its own chance."""
    law = config.failures.outages.regions
    for provider_id, provider in config.providers.items():
        for place in provider.regions:
            here = place == region
            chance = law.joint_probability_same_region if here else law.joint_probability_cross_region
            draw = streams.generator(f"{region}/joint/{provider_id}/{place}", event.number).random()
            if draw < chance:
                name = f"{region}-joint-{event.number}-{provider_id}" + ("" if here else f"-{place}")
                yield name, _outage(event, provider=provider_id, region=place)


def _outage(spell: Spell, **target: str) -> Outage:
    return Outage.model_validate(
        {"fault": "outage", "at": spell.at_s, "for": min(spell.for_s, SECONDS_MAX), "share": spell.share, **target}
    )
