"""The desk: takes submissions in by the batch, each batch in one transaction, exact however many desks there are.

A batch goes through these steps:

1. terms, halts and keys as they are now, if any of them changed;
2. the front door, for each submission: halted, schema, rates, signature, times. Without the lock, and most of the time;
3. the nonce store in front, if there is one (Redis): set before the transaction, so a crash between the two uses the
   nonce up, which is the safe side;
4. the write lock, and with it what the log has and the database lacks;
5. decisions, one after the other, each seeing the quota and the nonces of those before it;
6. the log: all accepted orders with one fsync; the rows; the commit. Only then the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aurora_sim.scenario.config import World
from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.nonce import NonceStoreUnavailable
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import region_indexes, treaty_terms
from aurora_sim.treaty.ranking import Preferences
from aurora_sim.treaty.router import Router
from aurora_sim.treaty.store import nonces, order_view, readings
from aurora_sim.treaty.store.answers import Answer, DeskObserver, JsonObject, Readings, StoreUnavailable, Submission
from aurora_sim.treaty.store.decision import Batch, Judge, read_known
from aurora_sim.treaty.store.entries import write_nonces, write_order_rows
from aurora_sim.treaty.store.front_door import Candidate, FrontDoor
from aurora_sim.treaty.store.guard import watch_coverage
from aurora_sim.treaty.store.nonces import Nonce, SharedNonces
from aurora_sim.treaty.store.providers import ProviderPort
from aurora_sim.treaty.store.refusals import refusal, unavailable
from aurora_sim.treaty.store.state import TreatyState, read_state, state_version
from aurora_sim.treaty.store.store import Store, Transaction

BATCH_MAX: Final = 256
"""Submissions to a transaction; more are taken in one after the other."""
PRUNE_EVERY_S: Final = 1.0


class NoObserver:
    """Where nobody wants to be told."""

    def decided(self, duration_ms: float, code: int) -> None:
        pass

    def acknowledged(self, provider_id: str, rtt_ms: float) -> None:
        pass

    def failed_over(self, provider_id: str, reason: str) -> None:
        pass

    def ended(self, outcome: str, reason: str, gpu_hours: float) -> None:
        pass


class Desk:
    """One worker's desk over a store that it may share with others: `submit`, `tick`, and what can be read.

    `answers.SubmissionDesk` says what each method promises. The policy host belongs to the thread that calls `submit`.
    """

    def __init__(
        self,
        store: Store,
        registry: KeyRegistry,
        policy: PolicyHost,
        config: World,
        providers: ProviderPort,
        shared_nonces: SharedNonces | None = None,
        observer: DeskObserver | None = None,
    ) -> None:
        """Raises `InputError` where the database has no terms of this treaty, `StoreUnavailable` where it cannot be read."""
        self._store = store
        self._registry = registry
        self._policy = policy
        self._config = config
        self._providers = providers
        self._shared = shared_nonces
        self._observer = observer or NoObserver()
        self._router = Router(
            {tenant_id: Preferences(**tenant.preferences.model_dump()) for tenant_id, tenant in config.tenants.items()}
        )
        self._front_door = FrontDoor(config, registry)
        self._judge = Judge(config, registry, policy, self._router, providers, self._front_door, self._observer)
        self._views_until_s = self._prune_at_s = self._now_s = float("-inf")
        with store.transaction() as transaction:  # so that what a crash left is redone before anybody asks
            self._follow(read_state(transaction.connection, registry))
        if self._state.terms is None:
            raise InputError(f"--db {store.database.shown}", "there are no terms of the treaty in it", "vault-law init")
        if self._state.terms.treaty.treaty_id != config.treaty.treaty_id:
            raise InputError(
                f"--db {store.database.shown}",
                f"it is the database of {self._state.terms.treaty.treaty_id}, not of {config.treaty.treaty_id}",
                "Name another by --db, or another configuration",
            )

    def submit(self, submissions: Sequence[Submission], now_s: float) -> list[Answer]:
        """One answer for each submission, in their order."""
        self._now_s = now_s = max(now_s, self._now_s)  # buckets and times must not run back
        answers: list[Answer] = []
        for start in range(0, len(submissions), BATCH_MAX):
            answers += self._submit_batch(submissions[start : start + BATCH_MAX], now_s)
        return answers

    def order(self, order_id: str) -> JsonObject | None:
        """What is known of an order."""
        with self._store.database.reading() as connection:
            return order_view.order(connection, order_id)

    def tick(self, now_s: float) -> None:
        """Run the provenance guard."""
        watch_coverage(self._store, self._config, now_s)

    def readings(self, now_s: float) -> Readings:
        """The state of the treaty."""
        with self._store.database.reading() as connection:
            return readings.read(connection, self._registry, self._config, self._router.views, now_s)

    def close(self) -> None:
        """Give back the connections; the policy host is its owner's to close."""
        self._store.close()

    def _submit_batch(self, submissions: Sequence[Submission], now_s: float) -> list[Answer]:
        closed = self._look(now_s)
        if closed is not None:
            return [closed] * len(submissions)
        answers: dict[int, Answer] = {}
        candidates: list[Candidate] = []
        for place, submission in enumerate(submissions):
            examined = self._front_door.examine(place, submission, now_s)
            if isinstance(examined, Candidate):
                candidates.append(examined)
            else:
                answers[place] = examined
                self._observer.ended("rejected", _bounded(examined), 0.0)
        if candidates:
            answers |= self._take_in(candidates, now_s)
        return [answers[place] for place in range(len(submissions))]

    def _look(self, now_s: float) -> Answer | None:
        """Follow what was changed since the last batch; an answer to everybody where that cannot be known."""
        try:
            self._registry.refresh()
        except InputError:
            return unavailable("keys_unavailable")
        try:
            self._follow_if_changed()
        except StoreUnavailable as failure:
            return unavailable(failure.reason)
        if now_s >= self._views_until_s:
            self._router.refresh(self._providers.views(now_s))
            self._views_until_s = now_s + self._config.router.health_check_every
        return self._untrusted()

    def _untrusted(self) -> Answer | None:
        terms = self._state.terms
        return refusal(503, "terms_invalid") if terms is None or terms.fault else None

    def _follow_if_changed(self) -> None:
        database = self._store.database
        with database.glancing() as connection:
            version = state_version(connection)
        if version != self._state.version or self._keys_changed():
            with database.reading() as connection:
                self._follow(read_state(connection, self._registry))

    def _keys_changed(self) -> bool:
        """Whether the key of the terms in force is not what it was when they were read."""
        terms = self._state.terms
        key = self._registry.get(terms.key_id) if terms is not None else None
        return key != self._terms_key

    def _follow(self, state: TreatyState) -> None:
        """Put terms and halts into force."""
        self._state = state
        terms = state.terms
        self._terms_key = self._registry.get(terms.key_id) if terms is not None else None
        if terms is None or terms.fault:
            return
        self._policy.amend(treaty_terms(terms.treaty.model_copy(update={"halted": bool(state.halt_reasons)})))
        self._judge.region_indexes = region_indexes(terms.treaty)
        self._judge.terms_version = terms.version
        self._front_door.follow(terms.treaty.regions, state.halt_reasons)

    def _take_in(self, candidates: Sequence[Candidate], now_s: float) -> dict[int, Answer]:
        """The answers to candidates, by their places."""
        held_by: list[str | None] = [None] * len(candidates)
        if self._shared is not None:
            try:
                held_by = self._shared.check_and_set_many([self._nonce(candidate, now_s) for candidate in candidates])
            except NonceStoreUnavailable:
                return self._all(candidates, unavailable("nonce_store_unavailable"))
        batch = Batch()
        try:
            with self._store.transaction() as transaction:
                self._decide(transaction, candidates, held_by, batch, now_s)
        except StoreUnavailable as failure:
            batch = Batch(
                withdrawn=[candidate for candidate, held in zip(candidates, held_by, strict=True) if held is None],
                answers=self._all(candidates, unavailable(failure.reason)),
            )
        self._withdraw(batch.withdrawn, now_s)
        return batch.answers

    def _decide(
        self,
        transaction: Transaction,
        candidates: Sequence[Candidate],
        held_by: Sequence[str | None],
        batch: Batch,
        now_s: float,
    ) -> None:
        connection, head = transaction.connection, transaction.head
        if head.state_version != self._state.version:
            self._follow(read_state(connection, self._registry))
            closed = self._untrusted() or (self._front_door.halted() if self._state.halt_reasons else None)
            if closed is not None:  # since the front door let them in
                batch.withdrawn += [candidate for candidate, held in zip(candidates, held_by, strict=True) if not held]
                batch.answers |= self._all(candidates, closed)
                return
        known = read_known(connection, candidates, head.used_units, now_s)
        for candidate, held in zip(candidates, held_by, strict=True):
            self._judge.decide(candidate, known, held, batch, now_s)
        transaction.record(batch.accepted)
        if batch.unfilled:
            write_order_rows(connection, list(batch.unfilled.values()))
        if batch.nonces:
            write_nonces(connection, batch.nonces)
        nonces.note_replays(connection, batch.replays, now_s)
        if now_s >= self._prune_at_s:
            pruned = nonces.prune(connection, now_s)
            self._prune_at_s = now_s if pruned == nonces.PRUNED_AT_ONCE else now_s + PRUNE_EVERY_S

    def _withdraw(self, candidates: Sequence[Candidate], now_s: float) -> None:
        """Free the nonces in the store in front. Where that fails they stay used up: the safe side."""
        if self._shared is not None and candidates:
            try:
                self._shared.withdraw_many([self._nonce(candidate, now_s) for candidate in candidates])
            except NonceStoreUnavailable:
                return

    def _nonce(self, candidate: Candidate, now_s: float) -> Nonce:
        order = candidate.order
        return Nonce(order.tenant_id, order.nonce, order.order_id, now_s, now_s + self._config.gateway.nonce_ttl)

    def _all(self, candidates: Sequence[Candidate], answer: Answer) -> dict[int, Answer]:
        for candidate in candidates:
            self._observer.ended("rejected", _bounded(answer), candidate.order.gpu_hours)
        return {candidate.place: answer for candidate in candidates}


def _bounded(answer: Answer) -> str:
    return str(answer.body["error"])
