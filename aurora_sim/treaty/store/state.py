"""What all workers agree on beside the ledger: the terms in force and the halts that stand."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.terms import TermsVersion, versions

OPERATOR = "operator"
PROVENANCE = "provenance"
"""The guard that halts when provenance coverage is below its floor for too long."""

_STATE_VERSION = select(tables.head.c.state_version)
_STANDING = select(tables.halts).where(tables.halts.c.resumed_at.is_(None)).order_by(tables.halts.c.entry)


@dataclass(frozen=True, slots=True)
class Halt:
    """A halt that stands: the entry of the order log that made it, who, why, and when in Unix seconds."""

    entry: int
    made_by: str
    reason: str
    made_at_s: float


@dataclass(frozen=True, slots=True)
class TreatyState:
    """Terms and halts; `version` grows with each change of either. Without any terms `terms` is None."""

    version: int
    terms: TermsVersion | None
    halts: tuple[Halt, ...]

    @property
    def halt_reasons(self) -> tuple[str, ...]:
        """Why nothing is let in, the terms' own word included; empty when orders are."""
        reasons = tuple(halt.reason for halt in self.halts)
        return (*reasons, "halted by its terms") if self.terms is not None and self.terms.treaty.halted else reasons


def state_version(connection: Connection) -> int:
    """The number that tells whether a state that was read before still holds."""
    return int(connection.execute(_STATE_VERSION).scalar_one())


def read_state(connection: Connection, registry: KeyRegistry) -> TreatyState:
    """Terms and halts as of this transaction."""
    version = state_version(connection)
    latest = versions(connection, registry, last_only=True)
    return TreatyState(version, latest[0] if latest else None, standing_halts(connection))


def standing_halts(connection: Connection) -> tuple[Halt, ...]:
    """The halts that stand, oldest first."""
    return tuple(Halt(row.entry, row.made_by, row.reason, row.made_at) for row in connection.execute(_STANDING))
