"""Floods: submissions that come by the gateway as anybody does, and take a bridge's relay workers unless the source is limited."""

from __future__ import annotations

import math

from aurora_sim.engine.clock import Clock
from aurora_sim.engine.parts import Parts
from aurora_sim.scenario.faults import Flood
from aurora_sim.world.flood import Submission, submissions


def let_come(env: Clock, parts: Parts, number: int, name: str, fault: Flood) -> None:
    """Let a flood's submissions come, one event each, while its fault is on."""
    if fault.for_s == 0.0:
        return
    gateway, bridge, ended_early = parts.gateway, parts.world.bridges[fault.bridge], parts.world.ended_early
    coming = submissions(name, fault, parts.streams)

    def come(submission: Submission, now_s: float) -> None:
        if number in ended_early:
            return
        _, source, luck = submission
        wait()
        if gateway.lets_through(source, now_s):
            bridge.bogus += 1
            bridge.send(None, now_s, math.inf, luck, 0.0)

    def wait() -> None:
        following = next(coming, None)
        if following is not None:
            env.at(following[0], come, following)

    wait()
