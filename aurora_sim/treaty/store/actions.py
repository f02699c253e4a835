"""What an operator does to the treaty: halt, resume, amend, revert. Each is an entry of the order log."""

from __future__ import annotations

from sqlalchemy import select

from aurora_sim.scenario.config import Treaty
from aurora_sim.scenario.document import Document, apply_overrides
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.scenario.validation import validate
from aurora_sim.treaty.key_files import Signer
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.entries import Body
from aurora_sim.treaty.store.state import OPERATOR, Halt, standing_halts
from aurora_sim.treaty.store.store import Store
from aurora_sim.treaty.store.terms import TermsVersion, signed_terms, versions

AMENDABLE = ("regions", "quota_gpu_hours_total", "quota_gpu_hours_daily_per_tenant", "min_reputation")
"""The terms that may be amended. The treaty's id is what everything else refers to; halting has its own command."""


def halt(store: Store, treaty_id: str, reason: str, now_s: float) -> int:
    """Let nothing in until `resume`; the number of its entry in the log. Every worker sees it at its next batch."""
    with store.transaction() as transaction:
        transaction.record([(now_s, "halt", {"treaty_id": treaty_id, "made_by": OPERATOR, "reason": reason})])
        return transaction.head.log_entry


def resume(store: Store, treaty_id: str, reason: str, now_s: float) -> tuple[Halt, ...]:
    """Lift every halt, the provenance guard's too, and say which; without one that stands nothing is logged."""
    with store.transaction() as transaction:
        standing = standing_halts(transaction.connection)
        if standing:
            transaction.record([(now_s, "resume", {"treaty_id": treaty_id, "made_by": None, "reason": reason})])
        return standing


def note(store: Store, kind: str, body: Body, now_s: float) -> int:
    """Log an action that leaves no row of its own, such as `nonces.clear`; the number of its entry."""
    with store.transaction() as transaction:
        transaction.record([(now_s, kind, body)])
        return transaction.head.log_entry


def first_terms(store: Store, treaty: Treaty, signer: Signer, now_s: float) -> bool:
    """Make the configuration's treaty version 1 of the terms; False where there are terms already."""
    with store.transaction() as transaction:
        if transaction.connection.execute(select(tables.terms.c.version).limit(1)).first() is not None:
            return False
        transaction.record([(now_s, "terms", signed_terms(treaty, 1, "initial", now_s, signer))])
        return True


def amend(
    store: Store, registry: KeyRegistry, signer: Signer, assignments: list[str], now_s: float
) -> tuple[TermsVersion, TermsVersion]:
    """The terms before and after `KEY=VALUE` assignments, which are in force from the next batch of every worker.

    Raises `InputError` for a key that cannot be amended, a bad value, and terms that are not trusted now.
    """
    for assignment in assignments:
        key = assignment.partition("=")[0]
        if key not in AMENDABLE:
            raise InputError(f"--set {assignment}", f"{key} cannot be amended", did_you_mean(key, AMENDABLE))
    with store.transaction() as transaction:
        before = _trusted(versions(transaction.connection, registry, last_only=True))
        document = apply_overrides(
            Document(store.log, before.treaty.model_dump(mode="json"), {}, ""), list(assignments)
        )
        treaty = validate(document, Treaty)
        action = "amend " + " ".join(assignments)
        body = signed_terms(treaty, before.version + 1, action, now_s, signer)
        transaction.record([(now_s, "terms", body)])
        return before, _trusted(versions(transaction.connection, registry, last_only=True))


def revert(
    store: Store, registry: KeyRegistry, signer: Signer, version: int | None, now_s: float
) -> tuple[TermsVersion, TermsVersion]:
    """The terms before and after putting an earlier version into force again, as a new version.

    Without a number the one before the present. Raises `InputError` where there is none, or it is not trusted.
    """
    with store.transaction() as transaction:
        known = versions(transaction.connection, registry)
        if not known:
            raise InputError("--revert", "there are no terms", "Make them: vault-law init")
        before = known[0]
        wanted = before.version - 1 if version is None else version
        found = [terms for terms in known if terms.version == wanted]
        if not found or wanted == before.version:
            others = ", ".join(str(terms.version) for terms in known[1:]) or "none"
            raise InputError("--revert", f"there is no earlier version {wanted}", f"Earlier versions: {others}")
        target = _trusted(found)
        body = signed_terms(target.treaty, before.version + 1, f"revert to {wanted}", now_s, signer)
        transaction.record([(now_s, "terms", body)])
        return before, _trusted(versions(transaction.connection, registry, last_only=True))


def _trusted(found: list[TermsVersion]) -> TermsVersion:
    if not found:
        raise InputError("the terms", "the database has none", "Make them: vault-law init")
    if found[0].fault:
        raise InputError(
            f"version {found[0].version} of the terms",
            f"it is not signed by the treaty's key ({found[0].fault})",
            "Revert to a version that is: vault-law amend --revert --to VERSION",
        )
    return found[0]
