"""Each completed job gets a receipt that is really stamped, signed and verified; one that does not verify is never complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_runs import Seen, simulate

from aurora_sim.engine.simulation import Simulation

START_S = 1_767_621_600.0
STEPS = 12


def failing(service: str, share: float) -> dict[str, Any]:
    return {"at": "1m", "for": "6m", "fault": "provenance", "service": service, "failure": share}


METHOD = (failing("timestamp", 0.5), failing("pin", 0.3), failing("script", 0.2))


def receipts_of(*method: Any, act: Callable[[Any], object] | None = None) -> tuple[Seen, Any]:
    """A run whose parts `act` changes before the first step; what was seen, and its parts."""
    parts: list[Any] = []

    def before(simulation: Simulation, step: int) -> None:
        if step == 0:
            parts.append(simulation._parts)
            if act is not None:
                act(simulation._parts)

    seen = simulate(*method, steps=STEPS, warm_up_s=300.0, crypto_start_s=START_S, before_step=before)
    return seen, parts[0]


@pytest.fixture(scope="module")
def storm() -> tuple[Seen, Any]:
    return receipts_of(*METHOD)


def test_services_that_fail_change_the_same_in_both_modes(storm: tuple[Seen, Any]) -> None:
    carried = simulate(*METHOD, steps=STEPS, warm_up_s=300.0)
    real, parts = storm
    failures = (parts.receipts.script_failures, parts.receipts.timestamp_failures, parts.receipts.pin_failures)
    assert min(failures) >= 3
    assert (real.text, real.read(), real.books) == (carried.text, carried.read(), carried.books)


def test_every_complete_receipt_was_verified_and_none_was_refused(storm: tuple[Seen, Any]) -> None:
    real, parts = storm
    assert real.books["receipts_complete"] > 200
    # Verified as soon as it is stamped and pinned; complete some seconds later, when the services are done.
    assert parts.real_receipts.verified >= real.books["receipts_complete"]
    assert parts.real_receipts.verified <= real.books["receipts_completed_jobs"]
    assert parts.real_receipts.refused == 0


def test_what_is_complete_is_forgotten(storm: tuple[Seen, Any]) -> None:
    _, parts = storm
    assert len(parts.real_receipts._completed) == parts.receipts.completed_jobs - parts.real_receipts.verified
    assert parts.real_receipts._written.keys() <= parts.real_receipts._completed.keys()
    assert parts.real_receipts._drafted.keys() <= parts.real_receipts._completed.keys()


# Broken on purpose: what follows shows that it is the arithmetic which decides.


def assert_nothing_more_is_complete(seen: Seen) -> None:
    assert 0.0 < seen.books["receipts_complete"] < 0.7 * seen.books["receipts_completed_jobs"]
    assert seen.books["receipts_late"] > 50
    assert seen.readings[-1].provenance_coverage < 0.8


def test_a_receipt_that_the_treaty_did_not_sign_is_never_complete() -> None:
    def swap(parts: Any) -> None:
        parts.crypto.signers["treaty"] = parts.crypto.signers["provider:akash"]

    seen, parts = receipts_of(act=swap)
    assert_nothing_more_is_complete(seen)
    assert parts.real_receipts.refused > 50
    assert parts.receipts.pin_failures > 50


def test_a_stamp_of_an_authority_that_nobody_trusts_is_none() -> None:
    def distrust(parts: Any) -> None:
        parts.real_receipts._stamper.trusted = ()

    seen, parts = receipts_of(act=distrust)
    assert_nothing_more_is_complete(seen)
    assert parts.receipts.timestamp_failures > 5


def test_a_receipt_pinned_before_its_stamp_is_verified_at_the_stamp() -> None:
    def swap(parts: Any) -> None:
        parts.crypto.signers["treaty"] = parts.crypto.signers["provider:akash"]

    seen, parts = receipts_of({**failing("timestamp", 1.0), "at": "0m", "for": "2m"}, act=swap)
    assert_nothing_more_is_complete(seen)
    assert parts.receipts.timestamp_failures > 5


def test_a_receipt_over_other_artefacts_than_the_job_left_is_refused() -> None:
    changed: list[str] = []

    def tamper(parts: Any) -> None:
        real = parts.real_receipts
        run = real.run

        def run_then_change(jobs: Any) -> Any:
            failed = run(jobs)
            for order_id in [job.order_id for job in jobs]:
                if order_id in real._drafted and int(order_id.rsplit("-", 1)[1]) % 10 == 0:
                    real._completed[order_id][2]["job.json"] += b" "
                    changed.append(order_id)
            return failed

        parts.receipts._script = type("Script", (), {"run": staticmethod(run_then_change)})

    _, parts = receipts_of(act=tamper)
    assert len(changed) > 5
    left = {name for name in parts.real_receipts._written if name in changed}
    assert left == set(parts.real_receipts._written)
    assert parts.real_receipts.refused >= len(left) > 5
