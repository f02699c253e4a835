"""Released policies: real modules through the real host, each of which decides its share of the orders while it is out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.engine.read_once import policy_host
from aurora_sim.scenario.faults import Fault
from aurora_sim.scenario.treaty_faults import PolicyRelease
from aurora_sim.treaty.policy.abi import TreatyTerms
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.world.streams import Streams


class Releases:
    """The policies that decide: the one in force, and each released one with a host of its own, by its fault's number.

    Which one decides an order is drawn for each release from a stream of its own at the order's index, so that a larger share
    takes the same orders and more. Of several that are out, the first in the scenario that takes an order decides it.
    """

    def __init__(
        self, in_force: PolicyHost, faults: Sequence[tuple[str, Fault]], streams: Streams, shares: Mapping[int, float]
    ) -> None:
        self._in_force = in_force
        self._streams = streams
        self._shares = shares  # of those that are out now
        self._names = {number: name for number, (name, fault) in enumerate(faults) if isinstance(fault, PolicyRelease)}
        self.hosts = {
            number: policy_host(Path(fault.module), in_force.terms)
            for number, (_, fault) in enumerate(faults)
            if isinstance(fault, PolicyRelease)
        }

    def deciding(self, order: LiveOrder) -> PolicyHost:
        """The policy that decides this order."""
        for number, share in self._shares.items():
            stream = f"{order.source}/policy-release/{self._names[number]}"
            if share >= 1.0 or self._streams.generator(stream, order.index).random() < share:
                return self.hosts[number]
        return self._in_force

    def amend(self, terms: TreatyTerms) -> None:
        """Put new terms into force in every policy: whoever decides, it is by the same treaty."""
        self._in_force.amend(terms)
        for host in self.hosts.values():
            host.amend(terms)

    @property
    def decisions(self) -> int:
        """Orders decided so far, by whichever policy."""
        return self._in_force.decisions + sum(host.decisions for host in self.hosts.values())

    @property
    def traps(self) -> int:
        """Decisions that ended in a trap, by whichever policy."""
        return self._in_force.traps + sum(host.traps for host in self.hosts.values())
