"""Keys for the tests: the same in every run, without files, and a registry that knows them."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aurora_sim.treaty.key_files import Signer
from aurora_sim.treaty.keys import KeyRegistry, key_id_of

NOW_S = 1_767_622_800.25
TREATY = "AURORA-AKASH-001"
FIELDS: dict[str, Any] = {
    "treaty_id": TREATY,
    "tenant_id": "tenant-research",
    "workload_type": "inference",
    "gpu_type": "A100",
    "gpus": 1,
    "gpu_hours": 0.75,
    "region": "eu-west-1",
    "max_price_usd_per_hour": 3.5,
    "max_latency_ms": 600.0,
    "min_reputation": 50.0,
    "issued_s": NOW_S,
    "deadline_s": NOW_S + 600.0,
    "nonce": "nonce-1",
}


def a_signer(owner: str, generation: int = 0) -> Signer:
    """The owner's key of that generation."""
    seed = hashlib.sha256(f"{owner}/{generation}".encode()).digest()
    private_key = Ed25519PrivateKey.from_private_bytes(seed)
    return Signer(owner, key_id_of(private_key.public_key().public_bytes_raw()), private_key)


TENANT = a_signer("tenant:tenant-research")
AKASH = a_signer("provider:akash")


def a_registry(*signers: Signer, since_s: float = NOW_S - 3_600.0) -> KeyRegistry:
    """Knows these keys, all valid since then; without any named, the tenant's and Akash's."""
    registry = KeyRegistry()
    for signer in signers or (TENANT, AKASH):
        registry.add(signer.owner, signer.public_key, since_s)
    return registry
