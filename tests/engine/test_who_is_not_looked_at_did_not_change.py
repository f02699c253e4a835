"""Health checks and steps' ends look at the providers that say they changed: of all others what is remembered is still so."""

from __future__ import annotations

import pytest
from engine_runs import a_config, simulate

from aurora_sim.engine import watched_providers
from aurora_sim.engine.watched_providers import WatchedProviders
from aurora_sim.treaty import router
from aurora_sim.treaty.reputation import after_ack, after_failure, credit

STRUCK = [
    {"at": "3m", "fault": "outage", "provider": "flux", "for": "4m"},
    {"at": "4m", "fault": "outage", "region": "us-west-2", "share": 0.5, "for": "3m", "ramp": "2m"},
    {"at": "5m", "fault": "capacity", "provider": "salad", "factor": 0.2, "for": "5m"},
    {"at": "6m", "fault": "price", "provider": "render", "factor": 1.4, "for": "4m"},
    {"at": "7m", "fault": "latency", "provider": "salad", "factor": 1.4, "for": "4m"},
    {"at": "8m", "fault": "reputation", "provider": "salad", "add": -20.0, "for": "4m"},
    {"at": "9m", "fault": "bad-acks", "provider": "vast", "for": "4m"},
]
WORLDS = {
    "baseline": {},
    "wandering prices": {"price_process": {"stationary_sd": 0.06, "jumps_per_day": 20.0}},
    "reputations that collapse": {"failures": {"reputation": {"enabled": True}}},
    "looked at seldom": {"router": {"health_check_every": 150.0}},
}


def remembered_is_true(simulation):
    watched, world = simulation._watched, simulation.parts.world
    views = {view.provider_id: view for view in simulation.parts.router.views}
    assert list(views) == list(world.providers)
    for provider in world.providers.values():
        if provider not in world.changed and provider not in watched._unshown:
            assert views[provider.provider_id] == watched_providers.view(provider)
            if provider not in watched._unsettled:  # another check would move nothing
                parts, move = simulation.parts, after_ack if provider.active else after_failure
                standing = (provider.standing,) if provider.active else ()
                assert move(provider.reputation, *standing, parts.reputation_alpha) == provider.reputation
                assert credit(provider.shown_reputation(), provider.credit, parts.hysteresis_points) == provider.credit
    now_s = simulation.env.now
    assert watched.read() == tuple(watched_providers._reading(provider) for provider in world.providers.values())
    leased = [provider.leased() for provider in world.providers.values()]
    assert watched.leased_gpu_seconds(now_s) == sum([gpus * now_s + rest_s for gpus, rest_s in leased])


@pytest.mark.parametrize("different", WORLDS.values(), ids=WORLDS)
def test_what_is_remembered_is_so(different):
    simulate(
        *STRUCK,
        world=a_config(**different),
        steps=30,
        before_step=lambda simulation, _: remembered_is_true(simulation),
    )


@pytest.mark.parametrize("different", WORLDS.values(), ids=WORLDS)
def test_a_run_is_the_same_if_all_are_looked_at(monkeypatch, different):
    some = simulate(*STRUCK, world=a_config(**different))
    check = WatchedProviders.check_health

    def check_all(watched):
        watched._changed.update(dict.fromkeys(watched._parts.world.providers.values()))
        check(watched)

    monkeypatch.setattr(WatchedProviders, "check_health", check_all)
    everybody = simulate(*STRUCK, world=a_config(**different))
    assert some.text == everybody.text
    assert some.read() == everybody.read()


def test_some_are_not_looked_at(monkeypatch):
    looked_at = []
    view = watched_providers.view
    monkeypatch.setattr(watched_providers, "view", lambda provider: looked_at.append(provider) or view(provider))
    simulate(steps=20, warm_up_s=0.0, before_step=lambda *_: looked_at.clear())
    assert 0 < len(looked_at) < 7


@pytest.mark.parametrize("different", WORLDS.values(), ids=WORLDS)
def test_a_run_is_the_same_however_many_are_many(monkeypatch, different):
    few = simulate(*STRUCK, world=a_config(**different), steps=15)
    monkeypatch.setattr(router, "FEW", 0)
    many = simulate(*STRUCK, world=a_config(**different), steps=15)
    assert many.text == few.text
    assert many.read() == few.read()
