"""A deployment: the paths that belong together, how it is made, and how each part of it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aurora_sim.scenario.config import World
from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.key_files import create_key, make_keys_folder, signer_for
from aurora_sim.treaty.keys import KeyRegistry, editing
from aurora_sim.treaty.receipts import authority
from aurora_sim.treaty.store import actions
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.database import Database
from aurora_sim.treaty.store.schema import upgrade
from aurora_sim.treaty.store.store import Store
from aurora_sim.treaty.store.terms import TREATY_OWNER


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a deployment has its database, private keys, key registry and order log; and its configuration."""

    db: str
    keys: Path
    registry: Path
    log: Path
    config: World

    def store(self) -> Store:
        """Database and log. Raises `InputError` with what to run."""
        return Store.open(self.db, self.log)

    def key_registry(self) -> KeyRegistry:
        """The public keys."""
        return KeyRegistry.load(self.registry)

    def owners(self) -> list[str]:
        """Everybody who signs: the treaty, its tenants, its providers."""
        tenants = [f"tenant:{tenant_id}" for tenant_id in self.config.tenants]
        return [TREATY_OWNER, *tenants, *(f"provider:{provider_id}" for provider_id in self.config.providers)]


def default_log(db: str) -> Path:
    """Where the order log is if nobody says: beside the database's file, or in `state/` for one that has none."""
    name = "vault-law.log"
    kind, _, path = db.partition(":///")
    return Path(path).parent / name if kind == "sqlite" and path else Path("state") / name


def make(deployment: Deployment, now_s: float) -> Iterator[str]:
    """Make what is missing, and say of each thing what was done. What is there stays as it is."""
    yield from make_keys(deployment, now_s)
    made_authority = authority.create(deployment.keys, now_s)
    yield "timestamp authority: " + (
        f"made: {', '.join(path.name for path in made_authority)}" if made_authority else "there already"
    )
    yield from make_database(deployment)
    store = deployment.store()
    try:
        signer = signer_for(deployment.keys, deployment.key_registry(), TREATY_OWNER, now_s)
        try:
            made = actions.first_terms(store, deployment.config.treaty, signer, now_s)
        except StoreUnavailable as failure:
            raise InputError(f"--log {deployment.log}", str(failure), "Name the log that belongs to it") from None
    finally:
        store.close()
    treaty_id = deployment.config.treaty.treaty_id
    yield f"terms of {treaty_id}: " + ("made version 1, signed" if made else "there already")
    yield f"order log {deployment.log}: " + ("made" if made else "there already")


def make_keys(deployment: Deployment, now_s: float) -> Iterator[str]:
    """A key for every owner who has none that is valid, and the registry."""
    new_folder = not deployment.keys.exists()
    make_keys_folder(deployment.keys)
    yield f"private keys {deployment.keys}/: " + ("made, for its owner alone" if new_folder else "there already")
    created = 0
    with editing(deployment.registry, create=True) as registry:
        for owner in deployment.owners():
            if registry.active(owner, now_s) is None:
                registry.add(owner, create_key(deployment.keys, owner).public_key, now_s)
                created += 1
        known = len(registry.keys())
    yield f"key registry {deployment.registry}: {known} keys, {created} of them new"


def make_database(deployment: Deployment) -> Iterator[str]:
    """The tables, at this program's version."""
    database = Database(deployment.db, create=True)
    try:
        if database.path is not None:
            database.path.parent.mkdir(parents=True, exist_ok=True)
        deployment.log.parent.mkdir(parents=True, exist_ok=True)
        with database.writing() as connection:
            taken = upgrade(connection)
    except StoreUnavailable as failure:
        raise InputError(
            f"--db {database.shown}", f"the database cannot be used: {failure}", "See that it runs and may be written"
        ) from None
    finally:
        database.close()
    yield f"database {database.shown}: " + (f"brought to version {taken[-1]}" if taken else "there already")
