"""Which orders have a row where not all do: a share, each by a draw of its own at its index."""

from __future__ import annotations

from collections.abc import Callable

from aurora_sim.world.order_draws import OrderDraws
from aurora_sim.world.streams import Streams


def row_sample(seed: int, share: float) -> Callable[[str], bool] | None:
    """Whether the order with this id has a row; None where every order has.

    A greater share's rows are a smaller one's and more; another fault or provider changes none.
    """
    if share >= 1.0:
        return None
    draws = OrderDraws("row", Streams(seed), "uniform")

    def has_row(order_id: str) -> bool:
        source, _, index = order_id.rpartition("-")
        return draws.at(source, int(index), 0) < share

    return has_row
