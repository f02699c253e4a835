"""The receipts of completed jobs in the database and in the order log: what provenance coverage counts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.receipts.form import Receipt
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.dialects import among
from aurora_sim.treaty.store.store import Store


def record_receipts(store: Store, receipts: Sequence[tuple[Receipt, bool]], now_s: float) -> None:
    """Keep receipts, each with whether it is complete (stamped and pinned); an earlier one of the same order goes.

    All or none. Whether a receipt holds is the caller's to verify. Raises `InputError` for one whose order was not
    filled here, or was filled by another provider.
    """
    with store.transaction() as transaction:
        connection, orders = transaction.connection, tables.orders.c
        wanted = [receipt.order_id for receipt, _ in receipts]
        query = select(orders.order_id, orders.provider_id).where(
            among(connection, orders.order_id, wanted), orders.outcome == "filled"
        )
        providers = {row.order_id: row.provider_id for row in connection.execute(query)}
        for receipt, _ in receipts:
            if receipt.order_id not in providers:
                raise InputError(
                    receipt.order_id, "no such order was filled here", "Name the order that the job ran for"
                )
            if receipt.provider_id != providers[receipt.order_id]:
                what = f"the receipt is {receipt.provider_id}'s, the order was {providers[receipt.order_id]}'s"
                raise InputError(receipt.order_id, what, "Make the receipt for the provider that ran the job")
        bodies = [{"receipt": receipt.model_dump(mode="json"), "complete": complete} for receipt, complete in receipts]
        try:
            transaction.record([(now_s, "receipt", body) for body in bodies])
        except ValueError as failure:
            raise InputError("the receipt", f"it does not fit into the log: {failure}", "Pack the files") from None
