"""The provider's signed answer: what it took, under which treaty, at what price."""

from __future__ import annotations

from aurora_sim.treaty.order import Order


class Ack:
    """A provider's word that it runs an order.

    `price_usd_per_hour` is per GPU-hour; `time_s` is on the provider's clock; `signature_valid` is the outcome of the
    signature's arithmetic, done or, in a batch run, carried.
    """

    __slots__ = ("order_id", "price_usd_per_hour", "provider_id", "signature_valid", "time_s", "treaty_id")

    def __init__(
        self,
        order_id: str,
        treaty_id: str,
        provider_id: str,
        price_usd_per_hour: float,
        time_s: float,
        signature_valid: bool,
    ) -> None:
        self.order_id = order_id
        self.treaty_id = treaty_id
        self.provider_id = provider_id
        self.price_usd_per_hour = price_usd_per_hour
        self.time_s = time_s
        self.signature_valid = signature_valid


def check_ack(ack: Ack, order: Order, provider_id: str, treaty_id: str) -> str:
    """ "" when the ack answers `order` as sent to `provider_id` under `treaty_id`, else why it counts as a rejection."""
    answered = (ack.order_id, ack.provider_id, ack.treaty_id)
    return ack_refusal(
        ack.signature_valid, answered, (order.order_id, provider_id, treaty_id), ack.price_usd_per_hour, order
    )


def ack_refusal(
    signature_valid: bool,
    answered: tuple[str, str, str],
    asked: tuple[str, str, str],
    price_usd_per_hour: float,
    order: Order,
) -> str:
    """The rules of `check_ack`, for whoever has no `Ack`; `answered` and `asked` are order, provider and treaty.

    `ack_signature`: not signed by the provider, and then nothing in it means anything, so this comes first.
    `ack_mismatch`: another order, provider or treaty. `ack_price`: above the order's limit, or no number.
    """
    if not signature_valid:
        return "ack_signature"
    if answered != asked:
        return "ack_mismatch"
    if not 0.0 <= price_usd_per_hour <= order.max_price_usd_per_hour:
        return "ack_price"
    return ""
