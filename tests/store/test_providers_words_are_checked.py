"""Promise: an ack that does not hold counts as a rejection, the next provider is asked, and every attempt is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from books import check_books, rows
from deployments import NOON_S, Tenant, deploy, open_desk

from aurora_sim.treaty.order import Order
from aurora_sim.treaty.ranking import ProviderView
from aurora_sim.treaty.signed_ack import SignedAck
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.deployment import Deployment
from aurora_sim.treaty.store.providers import EmbeddedProviders


class Lying:
    """The embedded providers, of which some (by default all) spoil their acks."""

    def __init__(self, deployment: Deployment, defect: str, honest: str = "") -> None:
        self._providers = EmbeddedProviders(deployment.keys, deployment.key_registry(), deployment.config)
        self._defect = defect
        self.honest = honest

    def views(self, now_s: float) -> Sequence[ProviderView]:
        return self._providers.views(now_s)

    def offer(self, order: Order, provider_id: str, now_s: float) -> SignedAck | str:
        if self._defect == "key_owner" and provider_id != self.honest:
            return self._providers.offer(order, "vast", now_s)
        ack = self._providers.offer(order, provider_id, now_s)
        if provider_id == self.honest or isinstance(ack, str):
            return ack
        match self._defect:
            case "full":
                return "full"
            case "signature_invalid":
                return ack.model_copy(update={"price_usd_per_hour": ack.price_usd_per_hour / 2.0})
            case "ack_time":
                return self._providers.offer(order, provider_id, now_s + 120.0)
            case _:
                other = Order()
                for name in Order.__slots__:
                    setattr(other, name, getattr(order, name))
                other.order_id = "o-other"
                return self._providers.offer(other, provider_id, now_s)


@pytest.mark.parametrize("defect", ["full", "signature_invalid", "ack_mismatch", "ack_time"])
def test_a_bad_ack_is_a_rejection_and_the_next_candidate_is_asked(defect: str, tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    desk = open_desk(deployment, Lying(deployment, defect, honest="aethir"))
    answer = desk.submit([Tenant(deployment).submission()], NOON_S + 1.0)[0]
    assert (answer.status, answer.body["provider_id"]) == (202, "aethir")
    attempts = sorted(rows(deployment.db, tables.attempts), key=lambda row: row["number"])
    assert [row["result"] for row in attempts] == [defect] * (len(attempts) - 1) + ["accepted"]
    assert len(attempts) > 1
    assert attempts[-1]["provider_id"] == "aethir"
    desk.close()


def test_where_every_candidate_refuses_nothing_is_taken_and_the_order_may_come_again(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    lying = Lying(deployment, "full")
    desk, tenant = open_desk(deployment, lying), Tenant(deployment)
    given = tenant.submission()
    answer = desk.submit([given], NOON_S + 1.0)[0]
    assert (answer.status, answer.body["error"]) == (503, "refused")
    assert answer.retry_after_s is not None
    assert check_books(deployment.db) == []
    assert rows(deployment.db, tables.nonces) == []
    kept = desk.order(str(answer.body["order_id"]))
    assert kept is not None
    assert kept["status"] == "refused"
    lying.honest = "akash"
    assert desk.submit([given], NOON_S + 2.0)[0].status == 202
    assert len(check_books(deployment.db)) == 1
    desk.close()


def test_a_provider_without_a_key_takes_nothing(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    for key in deployment.keys.glob("provider-*"):
        key.unlink()
    desk = open_desk(deployment)
    assert desk.submit([Tenant(deployment).submission()], NOON_S + 1.0)[0].body["error"] == "refused"
    assert {row["result"] for row in rows(deployment.db, tables.attempts)} == {"no_key"}
    desk.close()
