"""A deployment in a temporary folder, orders signed for it, and a desk over it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from aurora_sim.scenario.config import World
from aurora_sim.scenario.configuration import read_world
from aurora_sim.treaty.key_files import signer_for
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import treaty_terms
from aurora_sim.treaty.signed_order import OrderRequest, sign_order
from aurora_sim.treaty.store.answers import Answer, Submission
from aurora_sim.treaty.store.deployment import Deployment, make
from aurora_sim.treaty.store.desk import Desk
from aurora_sim.treaty.store.nonces import SharedNonces
from aurora_sim.treaty.store.providers import EmbeddedProviders, ProviderPort

PROJECT = Path(__file__).resolve().parents[2]
MODULE = PROJECT / "policy/wasm/vault-law-akash-policy.wasm"
NOON_S = 1_790_000_000.0 - 1_790_000_000.0 % 86_400.0 + 43_200.0
"""Noon of a day: what is submitted within hours of it is of one treaty day."""


def world(**changes: Any) -> World:
    """The committed configuration without rate limits; `changes` replace terms of the treaty, `world` sections."""
    config = read_world(PROJECT / "config")
    gateway = config.gateway.model_copy(update={"tenant_rate": None})
    treaty = config.treaty.model_copy(update=changes)
    return config.model_copy(update={"gateway": gateway, "treaty": treaty})


def deploy(
    folder: Path, db: str | None = None, config: World | None = None, now_s: float = NOON_S - 3600.0
) -> Deployment:
    """A deployment, made; SQLite unless `db` says otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    deployment = existing(folder, db or f"sqlite:///{folder}/aurora.db", config or world())
    list(make(deployment, now_s))
    return deployment


def existing(folder: Path, db: str, config: World) -> Deployment:
    """The deployment that `deploy` made there, seen from another process."""
    return Deployment(db, folder / "keys", folder / "keys.json", folder / "vault-law.log", config)


class Tenant:
    """Signs orders of one tenant."""

    def __init__(self, deployment: Deployment, tenant_id: str = "tenant-research", now_s: float = NOON_S) -> None:
        self.tenant_id = tenant_id
        registry = KeyRegistry.load(deployment.registry)
        self._signer = signer_for(deployment.keys, registry, f"tenant:{tenant_id}", now_s)
        self._treaty_id = deployment.config.treaty.treaty_id
        self._numbers = itertools.count()

    def order(self, nonce: str | None = None, **changes: Any) -> OrderRequest:
        """A good order, with the fields of `changes`."""
        fields = {
            "treaty_id": self._treaty_id,
            "tenant_id": self.tenant_id,
            "workload_type": "general_compute",
            "gpu_type": "A100",
            "gpus": 1,
            "gpu_hours": 1.5,
            "region": "eu-west-1",
            "max_price_usd_per_hour": 3.0,
            "max_latency_ms": 700.0,
            "min_reputation": 0.0,
            "issued_s": NOON_S,
            "deadline_s": NOON_S + 600.0,
            "nonce": nonce or f"n-{next(self._numbers)}",
        }
        return sign_order({**fields, **changes}, self._signer.private_key)

    def submission(self, nonce: str | None = None, source: str = "127.0.0.1", **changes: Any) -> Submission:
        """The same as a request."""
        return submission(self.order(nonce, **changes), source)


def submission(order: OrderRequest, source: str = "127.0.0.1") -> Submission:
    """An order as a request."""
    return Submission(json.dumps(order.model_dump(mode="json")).encode(), source)


def open_desk(
    deployment: Deployment,
    providers: ProviderPort | None = None,
    shared_nonces: SharedNonces | None = None,
    **more: Any,
) -> Desk:
    """A desk with its own connections, registry and policy host: what a worker process has."""
    registry = deployment.key_registry()
    return Desk(
        deployment.store(),
        registry,
        PolicyHost.load(MODULE, treaty_terms(deployment.config.treaty)),
        deployment.config,
        providers or EmbeddedProviders(deployment.keys, registry, deployment.config),
        shared_nonces,
        **more,
    )


def statuses(answers: list[Answer]) -> list[int]:
    """The answers' statuses."""
    return [answer.status for answer in answers]
