"""The treaty's own levers over a running simulation, and the repairs of what broke in the world.

Each does on the real part what an operator would: the router's weights, the gateway's halt, the ledger's limits and the policy's
treaty block. A lever that has nothing to do says so; it never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from aurora_sim.engine.faults_seen import FaultsSeen
from aurora_sim.engine.game_life import GameLife
from aurora_sim.engine.link import client_settings
from aurora_sim.engine.simulation import Simulation
from aurora_sim.scenario import actions, faults
from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.strict import Strict
from aurora_sim.scenario.treaty_faults import (
    DiskFull,
    GatewayClock,
    GatewayDown,
    KeyMismatch,
    PolicyRelease,
    PolicySlow,
    SchemaDrift,
    StateLost,
)
from aurora_sim.treaty.gateway import TokenBucketSettings
from aurora_sim.treaty.policy.terms import treaty_terms

OPERATORS: Final = "operators"
"""The gateway's halt by operators, apart from the provenance guard's."""


class Levers:
    """One lever for each action of `ACTIONS`: `pull` moves it, and says why it did nothing, if so."""

    def __init__(self, simulation: Simulation, config: WorldConfig, faults_seen: FaultsSeen) -> None:
        assert isinstance(simulation.life, GameLife)
        self._simulation = simulation
        self._config = config
        self._parts = simulation.parts
        self._life = simulation.life
        self._faults = faults_seen
        self._weights: dict[str, float] = {}
        self._shifts: dict[str, object] = {}  # the latest staged shift of each provider: an older one is given up
        self._daily_factor = self._total_factor = 1.0
        self._halted = config.treaty.halted
        self._levers: dict[str, Callable[[Any], str]] = {
            "set-router-weights": self._set_router_weights,
            "drain-provider": self._drain_provider,
            "shift-traffic-back": self._shift_traffic_back,
            "remove-provider-key": self._remove_provider_key,
            "restore-provider-key": self._restore_provider_key,
            "halt-treaty": self._halt_treaty,
            "resume-treaty": self._resume_treaty,
            "verify-pending-orders": self._verify_pending_orders,
            "check-integrity": self._check_integrity,
            "amend-quota": self._amend_quota,
            "revert-quota": self._revert_quota,
            "raise-price-limits": self._raise_price_limits,
            "revert-price-limits": self._revert_price_limits,
            "allow-substitutes": self._allow_substitutes,
            "revert-substitutes": self._revert_substitutes,
            "audit-orders": _only_looks,
            "rotate-keys": self._rotate_keys,
            "purge-nonces": self._purge_nonces,
            "failover-tsa": self._failover_tsa,
            "revert-tsa": self._revert_tsa,
            "re-pin": self._re_pin,
            "restart-pinning": lambda _: self._mend("pinning", _is_provenance("pin")),
            "patch-receipt-script": lambda _: self._mend("the receipt script", _is_provenance("script")),
            "clean-disk": lambda _: self._mend("the job nodes' disks", lambda fault: isinstance(fault, DiskFull)),
            "fix-gateway-secret": lambda _: self._mend("the secret", lambda fault: isinstance(fault, GatewayDown)),
            "restore-control-plane": self._restore_control_plane,
            "sync-gateway-clock": lambda _: self._mend("the clock", lambda fault: isinstance(fault, GatewayClock)),
            "roll-back-policy": lambda _: self._mend(
                "the policy", lambda fault: isinstance(fault, PolicySlow | PolicyRelease)
            ),
            "set-canary": self._set_canary,
            "publish-tenant-key": self._publish_tenant_key,
            "roll-back-client": self._roll_back_client,
            "failover-bridge": self._failover_bridge,
            "revert-bridge": self._revert_bridge,
            "set-retry": self._set_retry,
            "limit-sources": self._limit_sources,
            "unlimit-sources": self._unlimit_sources,
            "notify": _only_looks,
        }

    def pull(self, action: str, arguments: Strict) -> str:
        """Move a lever; why it did nothing, or empty."""
        lever = self._levers.get(action)
        return lever(arguments) if lever is not None else "there is nothing here that it could move"

    @staticmethod
    def stages_s(arguments: Strict) -> float:
        """How long a lever goes on by itself after it was pulled, in seconds."""
        return (len(arguments.shares) - 1) * arguments.every if isinstance(arguments, actions.TrafficShares) else 0.0

    @property
    def _now_s(self) -> float:
        return self._simulation.env.now

    # The router.

    def _weigh(self, weights: Mapping[str, float | None]) -> None:
        """Change these weights; None is the configured one. A provider whose key was removed stays drained."""
        for provider_id, weight in weights.items():
            self._weights.pop(provider_id, None)
            if weight is not None:
                self._weights[provider_id] = weight
        self._parts.router.set_weights({**self._weights, **dict.fromkeys(sorted(self._life.distrusted), 0.0)})

    def _set_router_weights(self, given: actions.ProviderWeights) -> str:
        for provider_id in given.weights:
            self._shifts.pop(provider_id, None)
        self._weigh(given.weights)
        return ""

    def _drain_provider(self, given: actions.OneProvider) -> str:
        if self._weights.get(given.provider) == 0.0:
            return f"{given.provider} is drained already"
        self._shifts.pop(given.provider, None)
        self._weigh({given.provider: 0.0})
        return ""

    def _shift_traffic_back(self, given: actions.TrafficShares) -> str:
        if given.provider not in self._weights:
            return f"{given.provider} has its configured weight"
        configured = self._config.providers[given.provider].routing_weight
        token = self._shifts[given.provider] = object()

        def stage(share: float) -> None:
            if self._shifts.get(given.provider) is token:
                self._weigh({given.provider: None if share == 1.0 else configured * share})

        stage(given.shares[0])
        for place, share in enumerate(given.shares[1:], start=1):
            timeout = self._simulation.env.timeout(place * given.every, share)
            timeout.callbacks.append(lambda event: stage(event.value))
        return ""

    def _remove_provider_key(self, given: actions.OneProvider) -> str:
        if given.provider in self._life.distrusted:
            return f"the key of {given.provider} is removed already"
        self._life.distrusted.add(given.provider)
        self._weigh({})
        return ""

    def _restore_provider_key(self, given: actions.OneProvider) -> str:
        if given.provider not in self._life.distrusted:
            return f"the key of {given.provider} was not removed"
        self._life.distrusted.discard(given.provider)
        self._weigh({})
        return ""

    # Halt and terms.

    def _halt_treaty(self, given: actions.Reason) -> str:
        if self._halted:
            return "the treaty is halted already"
        self._parts.gateway.halt(OPERATORS)
        self._halted = True
        self._amend_policy()
        self._life.watch.halted(given.reason)
        return ""

    def _resume_treaty(self, _: Strict) -> str:
        """Lift the operators' halt and the guard's: they vouch for the receipts, and coverage has its time to follow."""
        if not self._halted and not self._parts.gateway.halted:
            return "the treaty is not halted"
        self._parts.guard.release()
        self._parts.gateway.resume()
        self._halted = False
        self._amend_policy()
        self._life.watch.resumed()
        return ""

    def _amend_policy(self) -> None:
        """Put the terms as they are now into the policy's treaty block and the ledger."""
        treaty = self._config.treaty
        amended = treaty.model_copy(
            update={
                "quota_gpu_hours_total": treaty.quota_gpu_hours_total * self._total_factor,
                "quota_gpu_hours_daily_per_tenant": treaty.quota_gpu_hours_daily_per_tenant * self._daily_factor,
                "halted": self._halted,
            }
        )
        ledger = self._parts.ledger
        ledger.daily_limit_gpu_hours_per_tenant = amended.quota_gpu_hours_daily_per_tenant
        ledger.total_limit_gpu_hours = amended.quota_gpu_hours_total
        self._parts.policies.amend(treaty_terms(amended))

    def _verify_pending_orders(self, _: Strict) -> str:
        return "" if self._simulation.in_flight >= 0 else "more orders ended than came"

    def _check_integrity(self, _: Strict) -> str:
        try:
            self._parts.ledger.check()
            self._parts.receipts.coverage(self._now_s)
        except AssertionError as error:
            return f"the books do not balance: {error}"
        return ""

    def _amend_quota(self, given: actions.Quota) -> str:
        self._daily_factor, self._total_factor = given.daily_per_tenant_factor, given.total_factor
        self._amend_policy()
        return ""

    def _revert_quota(self, _: Strict) -> str:
        if self._daily_factor == self._total_factor == 1.0:
            return "no quota was amended"
        self._daily_factor = self._total_factor = 1.0
        self._amend_policy()
        return ""

    # What tenants ask for.

    def _raise_price_limits(self, given: actions.PriceLimits) -> str:
        if self._life.price_factors.get(given.gpu_type) == given.factor:
            return f"the limits for {given.gpu_type} are these already"
        self._life.price_factors[given.gpu_type] = given.factor
        return ""

    def _revert_price_limits(self, _: Strict) -> str:
        if not self._life.price_factors:
            return "no price limit was raised"
        self._life.price_factors.clear()
        return ""

    def _allow_substitutes(self, given: actions.Substitutes) -> str:
        self._life.substitutes[given.workload] = list(given.gpu_types)
        return ""

    def _revert_substitutes(self, _: Strict) -> str:
        if not self._life.substitutes:
            return "no substitutes were allowed"
        self._life.substitutes.clear()
        return ""

    # Keys and nonces.

    def _rotate_keys(self, given: actions.KeyRotation) -> str:
        rotated_s = self._now_s

        def retire(_: object) -> None:
            self._life.keys_from_s = max(self._life.keys_from_s, rotated_s)

        if given.overlap > 0.0:
            self._simulation.env.timeout(given.overlap).callbacks.append(retire)
        else:
            retire(None)
        return ""

    def _purge_nonces(self, _: Strict) -> str:
        return "" if self._parts.nonces.clear() else "there was no nonce to forget"

    # Provenance.

    def _failover_tsa(self, _: Strict) -> str:
        if self._parts.world.provenance.backup_timestamp:
            return "the backup authority stamps already"
        self._parts.world.provenance.use_backup_timestamp(True)
        self._parts.receipts.retry_now(self._now_s)
        return ""

    def _revert_tsa(self, _: Strict) -> str:
        if not self._parts.world.provenance.backup_timestamp:
            return "the first authority stamps already"
        self._parts.world.provenance.use_backup_timestamp(False)
        return ""

    def _re_pin(self, _: Strict) -> str:
        if not self._parts.receipts.pending:
            return "no receipt is owed"
        self._parts.receipts.retry_now(self._now_s)
        return ""

    # Bridges.

    def _failover_bridge(self, given: actions.OneBridge) -> str:
        link = self._parts.links[given.bridge]
        if link.failover is None:
            return f"{given.bridge} has no failover bridge"
        if link.failover_preferred:
            return f"orders prefer {link.bridge.failover} to {given.bridge} already"
        link.prefer_failover(True)
        return ""

    def _revert_bridge(self, given: actions.OneBridge) -> str:
        link = self._parts.links[given.bridge]
        if not link.failover_preferred:
            return f"{given.bridge} was not failed over"
        link.prefer_failover(False)
        return ""

    def _set_retry(self, given: actions.ClientRetry) -> str:
        link, settings = self._parts.links[given.bridge], client_settings(self._config.client)
        if given.mode != "backoff":
            settings = settings.blind() if given.mode == "blind" else settings.paced()
        if link.settings == settings:
            return f"the client tries {given.bridge} so already"
        link.use(settings)
        return ""

    # The gateway.

    def _limit_sources(self, given: actions.SourceLimit) -> str:
        self._parts.gateway.limit_sources(TokenBucketSettings(given.rate_per_s, given.burst))
        return ""

    def _unlimit_sources(self, _: Strict) -> str:
        limit = self._config.gateway.source_rate
        self._parts.gateway.limit_sources(None if limit is None else TokenBucketSettings(limit.rate_per_s, limit.burst))
        return ""

    # Releases.

    def _set_canary(self, given: actions.CanaryShare) -> str:
        """The share of the orders that every policy that is being released decides from now on."""
        out = [number for number, fault in self._faults.on(self._now_s) if isinstance(fault, PolicyRelease)]
        for number in out:
            self._simulation.set_share(number, given.share)
        return "" if out else "no policy is being released"

    # Repairs.

    def _restore_control_plane(self, given: actions.Snapshot) -> str:
        plane = self._parts.control_plane
        if plane is not None and plane.lost:
            plane.replay_log = given.replay_log
        return self._mend("the control plane's state", lambda fault: isinstance(fault, StateLost))

    def _publish_tenant_key(self, given: actions.OneTenant) -> str:
        return self._mend(
            f"the key of {given.tenant}",
            lambda fault: isinstance(fault, KeyMismatch) and fault.tenant == given.tenant,
        )

    def _roll_back_client(self, given: actions.OneTenant) -> str:
        return self._mend(
            f"the client of {given.tenant}",
            lambda fault: isinstance(fault, SchemaDrift) and fault.tenant == given.tenant,
        )

    def _mend(self, what: str, broken_by: Callable[[faults.Fault], bool]) -> str:
        """End the faults that broke something; refused when none is on."""
        found = [number for number, fault in self._faults.on(self._now_s) if broken_by(fault)]
        for number in found:
            self._faults.end(number, self._now_s)
        return "" if found else f"nothing is wrong with {what}"


def _only_looks(_: Strict) -> str:
    """Somebody looks or is told: nothing in the treaty moves."""
    return ""


def _is_provenance(service: str) -> Callable[[faults.Fault], bool]:
    return lambda fault: isinstance(fault, faults.Provenance) and fault.service == service
