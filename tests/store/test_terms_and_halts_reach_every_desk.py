"""Promise: what an operator changes is in force at every open desk's next batch, is signed, logged, and can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from deployments import NOON_S, Tenant, deploy, open_desk, statuses
from sqlalchemy import text

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.chain import Chain
from aurora_sim.treaty.key_files import Signer, signer_for
from aurora_sim.treaty.keys import editing
from aurora_sim.treaty.store import actions
from aurora_sim.treaty.store.deployment import Deployment

NOW_S = NOON_S + 1.0


def treaty_signer(deployment: Deployment) -> Signer:
    return signer_for(deployment.keys, deployment.key_registry(), "treaty", NOW_S)


def amend(deployment: Deployment, *assignments: str) -> None:
    store = deployment.store()
    actions.amend(store, deployment.key_registry(), treaty_signer(deployment), list(assignments), NOW_S)
    store.close()


def test_an_amendment_is_in_force_at_once_everywhere_and_so_is_its_reversal(tmp_path: Path, database_url: str) -> None:
    deployment = deploy(tmp_path, database_url)
    desks = [open_desk(deployment) for _ in range(2)]
    tenant = Tenant(deployment)
    assert [desk.submit([tenant.submission()], NOW_S)[0].status for desk in desks] == [202, 202]
    amend(deployment, "quota_gpu_hours_daily_per_tenant=4", "regions=[us-west-2, ap-south-1]")
    for desk in desks:
        given = [
            tenant.submission(),
            tenant.submission(region="us-west-2", gpu_hours=9.0),
            tenant.submission(region="ap-south-1", gpu_type="RTX3090"),
        ]
        answers = desk.submit(given, NOW_S)
        assert [answer.body.get("error", "") for answer in answers[:2]] == ["region_not_allowed", "tenant_daily_quota"]
        assert answers[2].body.get("error") in ("tenant_daily_quota", None)
    store = deployment.store()
    before, after = actions.revert(store, deployment.key_registry(), treaty_signer(deployment), None, NOW_S)
    store.close()
    assert (before.version, after.version, after.treaty) == (2, 3, deployment.config.treaty)
    assert [desk.submit([tenant.submission()], NOW_S)[0].status for desk in desks] == [202, 202]
    assert [entry.kind for entry in Chain(deployment.log).entries() if entry.kind != "order"] == ["terms"] * 3
    for desk in desks:
        desk.close()


def test_a_halt_stops_every_desk_at_once_and_a_resume_lets_it_go_on(tmp_path: Path, database_url: str) -> None:
    deployment = deploy(tmp_path, database_url)
    desks = [open_desk(deployment) for _ in range(2)]
    tenant = Tenant(deployment)
    store = deployment.store()
    actions.halt(store, "AURORA-AKASH-001", "attestation-failure", NOW_S)
    for desk in desks:
        answer = desk.submit([tenant.submission()], NOW_S)[0]
        assert (answer.status, answer.body["error"]) == (503, "treaty_halted")
        assert "attestation-failure" in str(answer.body["message"])
        assert desk.readings(NOW_S).halt_reasons == ("attestation-failure",)
    assert [halt.reason for halt in actions.resume(store, "AURORA-AKASH-001", "", NOW_S)] == ["attestation-failure"]
    assert actions.resume(store, "AURORA-AKASH-001", "", NOW_S) == ()
    store.close()
    for desk in desks:
        assert statuses(desk.submit([tenant.submission()], NOW_S)) == [202]
        desk.close()


def test_a_halt_between_the_front_door_and_the_lock_still_stops_the_batch(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    desk, tenant, store = open_desk(deployment), Tenant(deployment), deployment.store()
    looked = desk._look

    def look_and_be_overtaken(now_s: float) -> object:
        answer = looked(now_s)
        actions.halt(store, "AURORA-AKASH-001", "just now", NOW_S)
        return answer

    desk._look = look_and_be_overtaken  # type: ignore[method-assign,assignment]
    assert desk.submit([tenant.submission()], NOW_S)[0].body["error"] == "treaty_halted"
    desk.close()
    store.close()


def test_terms_that_the_treatys_key_did_not_sign_let_nothing_in(tmp_path: Path, database_url: str) -> None:
    deployment = deploy(tmp_path, database_url)
    desk, tenant = open_desk(deployment), Tenant(deployment)
    store = deployment.store()
    with store.database.writing() as connection:
        changed = "UPDATE terms SET body = replace(body, '60000', '90000')"
        connection.execute(text(changed))
        connection.execute(text("UPDATE head SET state_version = state_version + 1"))
    assert desk.submit([tenant.submission()], NOW_S)[0].body["error"] == "terms_invalid"
    with pytest.raises(InputError, match="not signed by the treaty's key"):
        amend(deployment, "min_reputation=10")
    desk.close()
    store.close()


def test_a_revoked_treaty_key_stops_the_treaty_until_its_terms_are_signed_anew(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    desk, tenant = open_desk(deployment), Tenant(deployment)
    with editing(deployment.registry) as registry:
        registry.revoke(treaty_signer(deployment).key_id, "stolen", NOW_S)
    assert desk.submit([tenant.submission()], NOW_S)[0].body["error"] == "terms_invalid"
    desk.close()


@pytest.mark.parametrize(
    ("assignment", "what"),
    [
        ("halted=true", "cannot be amended"),
        ("quota=1", "cannot be amended"),
        ("quota_gpu_hours_total=-1", "not a number above 0"),
        ("regions=[]", "regions"),
        ("min_reputation=101", "min_reputation"),
    ],
)
def test_a_bad_amendment_is_refused_and_changes_nothing(assignment: str, what: str, tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    with pytest.raises(InputError, match=what):
        amend(deployment, assignment)
    assert len(list(Chain(deployment.log).entries())) == 1


def test_a_desk_of_another_treaty_does_not_open(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    other = deployment.config.model_copy(
        update={"treaty": deployment.config.treaty.model_copy(update={"treaty_id": "ANOTHER"})}
    )
    wrong = Deployment(deployment.db, deployment.keys, deployment.registry, deployment.log, other)
    with pytest.raises(InputError, match="database of AURORA-AKASH-001"):
        open_desk(wrong)
