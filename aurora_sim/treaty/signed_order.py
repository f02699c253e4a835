"""An order as it travels: JSON that the tenant signed, how it is read, and the order that it becomes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BeforeValidator, Field, ValidationError

from aurora_sim.scenario.config import Name
from aurora_sim.scenario.shape import locate
from aurora_sim.scenario.strict import Strict
from aurora_sim.scenario.wording import worded
from aurora_sim.treaty.canonical import canonical, read_json
from aurora_sim.treaty.keys import KEY_ID_PATTERN, KeyRegistry, key_id_of
from aurora_sim.treaty.order import Order

ORDER_BYTES_MAX: Final = 65_536

KeyId = Annotated[
    str, Field(pattern=KEY_ID_PATTERN, description="The id of the key that signed, 16 hexadecimal digits.")
]
# The last character carries four bits that mean nothing: they must be 0, or a signature could be written in 16 ways.
Signature = Annotated[
    str,
    Field(pattern="^[A-Za-z0-9+/]{85}[AQgw]==$", description="The Ed25519 signature: base64 of its 64 bytes."),
]
UnixSeconds = Annotated[float, Field(ge=0, le=253_402_300_799)]  # to the end of the year 9999


def _whole(value: Any) -> Any:
    """2.0 is the number 2, in JSON and in what is signed."""
    return int(value) if type(value) is float and value.is_integer() else value


class OrderRequest(Strict):
    """One GPU order as its tenant signed it. What is true of every treaty is checked here; the rest is the gateway's."""

    treaty_id: Annotated[Name, Field(description="The treaty that the order is placed under.")]
    tenant_id: Annotated[Name, Field(description="Who orders, and signs.")]
    workload_type: Annotated[Name, Field(description="What is to run: training, inference, rendering, ...")]
    gpu_type: Annotated[Name, Field(description="Such as A100.")]
    gpus: Annotated[
        int, Field(ge=1, le=65_536, description="How many GPUs the job holds at once."), BeforeValidator(_whole)
    ]
    # One millionth is what the quota counts in; the upper bound keeps sums of it exact.
    gpu_hours: Annotated[float, Field(ge=1e-6, le=1e9, description="GPUs times hours.")]
    region: Annotated[Name, Field(description="Where it is to run.")]
    max_price_usd_per_hour: Annotated[float, Field(gt=0, le=1e9, description="Limit, USD per GPU-hour.")]
    max_latency_ms: Annotated[float, Field(gt=0, le=1e9, description="Limit on the provider's latency, ms.")]
    min_reputation: Annotated[float, Field(ge=0, le=100, description="Floor on the provider's reputation.")]
    issued_s: Annotated[UnixSeconds, Field(description="When it was signed, Unix seconds.")]
    deadline_s: Annotated[UnixSeconds, Field(description="Until when it may be filled, Unix seconds.")]
    nonce: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9._:-]{1,128}$",
            description="A text that the tenant uses for one order only, in any 24 hours.",
        ),
    ]
    key_id: KeyId
    signature: Signature


class OrderInvalid(Exception):  # noqa: N818  (it is the order that is invalid)
    """The order breaks the schema. `field` is where ("" when it is no JSON object), `message` what and how to mend it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


def read_order(body: bytes) -> OrderRequest:
    """The order in a request's body. Raises OrderInvalid for anything else: the first field that is wrong."""
    try:
        data = read_json(body, bytes_max=ORDER_BYTES_MAX, depth_max=8)
    except ValueError as error:
        raise OrderInvalid("", f"the order cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise OrderInvalid("", "the order is no JSON object")
    try:
        return OrderRequest.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        place = locate(OrderRequest, details["loc"], data)
        what, mend = worded(details, place)
        raise OrderInvalid(_printable(str(details["loc"][0])), f"{what}. {mend}") from None


def _printable(name: str) -> str:
    """A field's name, which may be a stranger's, as it can be shown anywhere."""
    return name if name.isascii() and name.isprintable() and len(name) <= 64 else ascii(name)[1:-1][:64]


def signing_bytes(request: OrderRequest) -> bytes:
    """What the tenant signs: the canonical JSON (RFC 8785) of every field but the signature."""
    fields = dict(request.__dict__)
    del fields["signature"]
    return canonical(fields)


def order_id(request: OrderRequest) -> str:
    """The order's id, made of its content: one id stands for one content, and a client can tell it beforehand."""
    return order_id_of(signing_bytes(request))


def order_id_of(signed: bytes) -> str:
    """The same, where the signed bytes are at hand."""
    return "o-" + hashlib.sha256(signed).hexdigest()[:32]


def sign_order(fields: Mapping[str, Any], private_key: Ed25519PrivateKey) -> OrderRequest:
    """The order of these fields, signed; `key_id` is the private key's. Raises pydantic's ValidationError for bad fields."""
    key_id = key_id_of(private_key.public_key().public_bytes_raw())
    unsigned = OrderRequest.model_validate({**fields, "key_id": key_id, "signature": "A" * 86 + "=="})
    return unsigned.model_copy(update={"signature": encoded(private_key.sign(signing_bytes(unsigned)))})


def encoded(signature: bytes) -> str:
    """A signature as JSON carries it."""
    return base64.b64encode(signature).decode("ascii")


def decoded(signature: str) -> bytes:
    """The 64 bytes of a signature that was read."""
    return base64.b64decode(signature)


def verify_order(request: OrderRequest, signed: bytes, registry: KeyRegistry, now_s: float) -> str:
    """ "" when the tenant signed `signed`, which is `signing_bytes(request)`, with a key that was and is valid; else why not."""
    owner = f"tenant:{request.tenant_id}"
    return registry.verify(owner, request.key_id, decoded(request.signature), signed, request.issued_s, now_s)


def to_order(
    request: OrderRequest,
    *,
    source: str,
    region_index: int,
    signature_valid: bool,
    treaty_id: str | None = None,
    signed: bytes | None = None,
) -> Order:
    """The order that gateway, policy and router take.

    `region_index` is the treaty's index of the region; `treaty_id`, if given, the treaty that is served: an order for
    another is malformed in that field. `signed`, if at hand, is `signing_bytes(request)`, which need not be made again.
    """
    order = Order()
    order.order_id = order_id_of(signing_bytes(request) if signed is None else signed)
    order.tenant_id = request.tenant_id
    order.source = source
    order.workload_type = request.workload_type
    order.gpu_type = request.gpu_type
    order.gpus = request.gpus
    order.gpu_hours = request.gpu_hours
    order.region = request.region
    order.region_index = region_index
    order.max_price_usd_per_hour = request.max_price_usd_per_hour
    order.max_latency_ms = request.max_latency_ms
    order.min_reputation = request.min_reputation
    order.issued_s = request.issued_s
    order.deadline_s = request.deadline_s
    order.nonce = request.nonce
    order.signature_valid = signature_valid
    order.malformed_field = "" if treaty_id in (None, request.treaty_id) else "treaty_id"
    return order


def order_schema() -> dict[str, Any]:
    """The JSON Schema of an order."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **OrderRequest.model_json_schema(),
        "title": "Aurora order",
    }


def order_schema_text() -> str:
    """The schema as it is committed: config/order.schema.json."""
    return json.dumps(order_schema(), indent=1, sort_keys=True) + "\n"
