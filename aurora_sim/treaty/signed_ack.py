"""An ack as it travels: JSON that the provider signed."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, ValidationError

from aurora_sim.scenario.config import Name
from aurora_sim.scenario.shape import locate
from aurora_sim.scenario.strict import Strict
from aurora_sim.scenario.wording import worded
from aurora_sim.treaty.ack import Ack
from aurora_sim.treaty.canonical import JsonValue, canonical, read_json
from aurora_sim.treaty.key_files import Signer
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.signed_order import KeyId, Signature, UnixSeconds, decoded, encoded

CLOCK_SKEW_MAX_S: Final = 30.0

OrderId = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="The order that is taken.")]


class SignedAck(Strict):
    """A provider's word that it runs an order: under which treaty, at what price, said when."""

    order_id: OrderId
    treaty_id: Annotated[Name, Field(description="The treaty that the order was placed under.")]
    provider_id: Annotated[Name, Field(description="Who takes it, and signs.")]
    price_usd_per_hour: Annotated[float, Field(ge=0, le=1e9, description="USD per GPU-hour.")]
    time_s: Annotated[UnixSeconds, Field(description="When it was signed, Unix seconds on the provider's clock.")]
    key_id: KeyId
    signature: Signature


def ack_signing_bytes(ack: SignedAck) -> bytes:
    """What the provider signs: the canonical JSON (RFC 8785) of every field but the signature."""
    fields = dict(ack.__dict__)
    del fields["signature"]
    return canonical(fields)


def sign_ack(
    signer: Signer, *, order_id: str, treaty_id: str, provider_id: str, price_usd_per_hour: float, time_s: float
) -> SignedAck:
    """The ack, signed. Raises pydantic's ValidationError for bad fields."""
    unsigned = SignedAck(
        order_id=order_id,
        treaty_id=treaty_id,
        provider_id=provider_id,
        price_usd_per_hour=price_usd_per_hour,
        time_s=time_s,
        key_id=signer.key_id,
        signature="A" * 86 + "==",
    )
    return unsigned.model_copy(update={"signature": encoded(signer.sign(ack_signing_bytes(unsigned)))})


def read_ack(data: bytes) -> SignedAck:
    """The ack that the text is. Raises ValueError with one plain sentence for anything else."""
    return _ack(read_json(data, bytes_max=16_384, depth_max=8))


def ack_in(data: bytes) -> SignedAck:
    """The ack that the text is, or that it has under `ack`, as the answer to an order does."""
    value = read_json(data, bytes_max=65_536, depth_max=8)
    return _ack(value["ack"] if isinstance(value, dict) and "ack" in value else value)


def _ack(value: JsonValue) -> SignedAck:
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    try:
        return SignedAck.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        what, mend = worded(details, locate(SignedAck, details["loc"], value))
        raise ValueError(f"{details['loc'][0] if details['loc'] else 'the ack'}: {what}. {mend}") from None


def verify_ack(
    ack: SignedAck,
    registry: KeyRegistry,
    *,
    treaty_id: str,
    provider_id: str,
    now_s: float,
    clock_skew_max_s: float = CLOCK_SKEW_MAX_S,
) -> str:
    """ "" when the provider signed the ack under the treaty, with a key that was valid then; else the reason.

    The signature comes first, for without it nothing in the ack means anything: one of `KeyRegistry.verify`'s reasons.
    `ack_mismatch`: it is another provider's, or for another treaty. `ack_time`: it is dated more than the skew after
    `now_s`. An ack outlives its key: it stays good after the key's end, but not after its revocation.
    """
    reason = registry.verify(
        f"provider:{ack.provider_id}",
        ack.key_id,
        decoded(ack.signature),
        ack_signing_bytes(ack),
        ack.time_s,
        ack.time_s,
    )
    if reason:
        return reason
    if ack.treaty_id != treaty_id or ack.provider_id != provider_id:
        return "ack_mismatch"
    return "ack_time" if ack.time_s > now_s + clock_skew_max_s else ""


def to_ack(ack: SignedAck, *, signature_valid: bool) -> Ack:
    """The ack that `treaty.ack.check_ack` compares with its order."""
    return Ack(ack.order_id, ack.treaty_id, ack.provider_id, ack.price_usd_per_hour, ack.time_s, signature_valid)
