"""What `receipt make` and `repin` tell the orders database, where there is one: so provenance coverage follows by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.receipts.form import Receipt
    from aurora_sim.treaty.store.store import Store


def record_and_tell(store: Store | None, receipts: Sequence[tuple[Path, Receipt, bool]], now_s: float) -> bool:
    """Record receipts that are known to hold, each with whether it is pinned, and print how that went; whether it did.

    None for the database: this machine has none, and the receipts are taken to the one that has (`receipt record`).
    """
    if store is None or not receipts:
        return True
    from aurora_sim.treaty.store.answers import StoreUnavailable
    from aurora_sim.treaty.store.receipt_book import record_receipts

    try:
        record_receipts(store, [(receipt, pinned) for _, receipt, pinned in receipts], now_s)
    except (InputError, StoreUnavailable) as failure:
        files = " ".join(str(file) for file, _, _ in receipts)
        click.echo(f"not recorded: {failure}. When that is mended: vault-law receipt record {files}", err=True)
        return False
    waiting = sum(not pinned for _, _, pinned in receipts)
    click.echo(f"recorded in {store.database.shown}" + (f", {waiting} as not complete: not pinned" if waiting else ""))
    return True
