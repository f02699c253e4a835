"""The treaty's terms as the database keeps them: versions, each signed by the treaty's key; the last is in force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, select

from aurora_sim.scenario.config import Treaty
from aurora_sim.treaty.canonical import JsonObject, canonical
from aurora_sim.treaty.key_files import Signer
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.signed_order import decoded, encoded
from aurora_sim.treaty.store import tables

TREATY_OWNER = "treaty"


@dataclass(frozen=True, slots=True)
class TermsVersion:
    """One version: what was done to make it, the terms, and why they may not be trusted, or ""."""

    version: int
    made_at_s: float
    action: str
    treaty: Treaty
    key_id: str
    fault: str


def signed_terms(treaty: Treaty, version: int, action: str, made_at_s: float, signer: Signer) -> dict[str, Any]:
    """The body of a `terms` entry of the order log. `action` is such as `initial`, `amend`, `revert to 1`."""
    terms: JsonObject = {
        "version": version,
        "made_at_s": made_at_s,
        "action": action,
        "treaty": treaty.model_dump(mode="json"),
    }
    return {"terms": terms, "key_id": signer.key_id, "signature": encoded(signer.sign(canonical(terms)))}


def versions(connection: Connection, registry: KeyRegistry, *, last_only: bool = False) -> list[TermsVersion]:
    """The versions of the terms, the newest first; each with what is wrong with it."""
    query = select(tables.terms).order_by(tables.terms.c.version.desc())
    if last_only:
        query = query.limit(1)
    return [_version(row, registry) for row in connection.execute(query)]


def _version(row: Any, registry: KeyRegistry) -> TermsVersion:
    try:
        terms = json.loads(row.body)
        treaty = Treaty.model_validate(terms["treaty"])
        version, made_at_s, action = int(terms["version"]), float(terms["made_at_s"]), str(terms["action"])
        signature = decoded(row.signature)
        signed = canonical(terms)
    except (ValueError, KeyError, TypeError, ValidationError):
        return TermsVersion(row.version, row.made_at, row.action, _NO_TERMS, row.key_id, "terms_unreadable")
    fault = registry.verify(TREATY_OWNER, row.key_id, signature, signed, made_at_s, made_at_s)
    if not fault and (version != row.version or action != row.action):
        fault = "terms_mismatch"
    return TermsVersion(row.version, made_at_s, action, treaty, row.key_id, fault)


_NO_TERMS = Treaty(
    treaty_id="unreadable",
    regions=["none"],
    quota_gpu_hours_total=1e-9,
    quota_gpu_hours_daily_per_tenant=1e-9,
    min_reputation=100,
    halted=True,
)
"""What stands for terms that cannot be read: under them nothing is allowed."""
