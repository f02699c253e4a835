"""What faults do to the treaty's own parts and to its tenants' clients: how things stand, for the engine to act on."""

from __future__ import annotations

from collections.abc import Iterable

from aurora_sim.world.modifiers import Modifiers


class FrontDoor:
    """The state of gateway, decisions and clients. What nothing is wrong with stands at 0, or is in no collection.

    `clock_add_s`: how fast the gateway's clock is. `crash_share`: of the orders that were let in and allowed, those that a crash
    loses. `decision_add_s`: how much longer a decision takes. `drift_share`: by tenant, its orders with a bad field.
    `release_shares`: by a fault's number, the share of the orders that its released policy decides; the same dict all along.
    `state_lost`: whether nonces and quotas are gone.
    `wrong_key`: tenants that sign with a key that is not registered. `troubled`: tenants in either; the same set all along.
    """

    def __init__(self, tenants: Iterable[str]) -> None:
        self.clock_offsets = Modifiers()
        self.crashes = Modifiers()
        self.decision_waits = Modifiers()
        self.releases = Modifiers()
        self.state_losses = Modifiers()
        self.release_shares: dict[int, float] = {}
        self.wrong_keys = {tenant: Modifiers() for tenant in tenants}
        self.drifts = {tenant: Modifiers() for tenant in self.wrong_keys}
        self.wrong_key: frozenset[str] = frozenset()
        self.drift_share: dict[str, float] = {}
        self.troubled: set[str] = set()
        self.recompute()

    def recompute(self) -> None:
        """Take over the faults that are on."""
        self.clock_add_s = self.clock_offsets.total()
        self.crash_share = self.crashes.compound_share()
        self.decision_add_s = self.decision_waits.total()
        self.state_lost = bool(self.state_losses)
        self.release_shares.clear()
        self.release_shares.update(self.releases.items())
        self.wrong_key = frozenset(tenant for tenant, faults in self.wrong_keys.items() if faults)
        self.drift_share = {tenant: faults.compound_share() for tenant, faults in self.drifts.items() if faults}
        self.troubled.clear()
        self.troubled.update(self.wrong_key, self.drift_share)
