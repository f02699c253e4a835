"""Signatures really made and really verified: what a run with `--crypto real` does with every order and every ack.

By default an order carries whether its signature was made valid, and the arithmetic is left out. Here each party does its part
with the treaty's own functions: the tenant writes and signs the order's JSON, the gateway reads and verifies it, the provider
signs its ack, the client reads and verifies that. What the treaty then looks at is what was read, and nothing that was carried.

Unix time is the scenario's start + simulated seconds. Orders come on multiples of 2^-20 s, which Unix time as a float holds
exactly until the year 2242, so nothing in a run is rounded by the way there and back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aurora_sim.engine.eavesdropper import Admit, Eavesdropper
from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.treaty.ack import Ack
from aurora_sim.treaty.canonical import JsonObject, canonical
from aurora_sim.treaty.key_files import Signer
from aurora_sim.treaty.keys import KeyRegistry, Owner, key_id_of
from aurora_sim.treaty.policy import UNKNOWN_REGION
from aurora_sim.treaty.signed_ack import read_ack, sign_ack, to_ack, verify_ack
from aurora_sim.treaty.signed_order import (
    OrderInvalid,
    encoded,
    order_id_of,
    read_order,
    signing_bytes,
    to_order,
    verify_order,
)
from aurora_sim.world.provider import Provider
from aurora_sim.world.streams import Streams

NONCE_LENGTH_MAX: Final = 128
READ_FIELDS: Final = (
    "workload_type",
    "gpu_type",
    "gpus",
    "gpu_hours",
    "region",
    "region_index",
    "max_price_usd_per_hour",
    "max_latency_ms",
    "min_reputation",
    "nonce",
    "signature_valid",
    "malformed_field",
)
"""What the life of an order takes from the order that was read, besides its times."""
NO_SUCH_FIELD: Final = "order"
"""Names what is wrong with bytes that are no order at all."""


class Crypto:
    """The keys of a run's parties, and what they sign and verify with them.

    `signers` holds every party's private key by its owner, derived from the run's seed and never written anywhere, and `registry`
    the public halves. `start_s` is the Unix time of simulated second 0.
    """

    def __init__(
        self,
        start_s: float,
        streams: Streams,
        *,
        treaty_id: str,
        tenants: Iterable[str],
        providers: Iterable[str],
        region_indexes: Mapping[str, int],
    ) -> None:
        self.start_s = start_s
        self.treaty_id = treaty_id
        self._region_indexes = region_indexes
        self.registry = KeyRegistry()
        self.signers: dict[Owner, Signer] = {}
        tenants, providers = (f"tenant:{name}" for name in tenants), (f"provider:{name}" for name in providers)
        for owner in (*tenants, *providers, "treaty"):
            self.signers[owner] = signer = derived_signer(owner, streams)
            self.registry.add(owner, signer.public_key, 0.0)
        self._stranger = derived_signer("stranger", streams)  # whom no registry knows
        # As an eavesdropper has them: by tenant its last accepted order or, where more are kept, by nonce all of them.
        self._captured: dict[str, bytes] = {}

    def unix_s(self, time_s: float) -> float:
        """The Unix time of a simulated time."""
        return self.start_s + time_s

    # Orders.

    def gate(self, admit: Admit, issued: Mapping[str, LiveOrder], defect: str) -> Admit:
        """`admit` with the arithmetic before it: each order of the source is signed, sent, read and verified.

        `issued` is the last accepted order of each tenant; `defect` is what is wrong with the source's requests.
        """
        all_kept = isinstance(issued, Eavesdropper)

        def send(order: LiveOrder, now_s: float) -> None:
            tenant_id = order.tenant_id
            captured = self._captured.get(order.nonce if all_kept else tenant_id) if defect == "replay" else None
            body = captured if captured is not None else self.written(order)
            self.receive(order, body, now_s)
            admit(order, now_s)
            if issued.get(tenant_id) is order:
                self._captured[order.nonce if all_kept else tenant_id] = body

        return send

    def written(self, order: LiveOrder) -> bytes:
        """The order's JSON as its sender sends it, with the defect that the order was made with, if it was.

        A malformed field is null. Who cannot sign for the tenant signs with a key of its own, and says that it is the tenant's.
        """
        fields = self.fields(order)
        if order.malformed_field:
            fields[order.malformed_field] = None
        signer = self.signers[f"tenant:{order.tenant_id}"] if order.signature_valid else self._stranger
        return canonical({**fields, "signature": encoded(signer.sign(canonical(fields)))})

    def fields(self, order: LiveOrder) -> JsonObject:
        """What a tenant signs of an order."""
        return {
            "treaty_id": self.treaty_id,
            "tenant_id": order.tenant_id,
            "workload_type": order.workload_type,
            "gpu_type": order.gpu_type,
            "gpus": order.gpus,
            "gpu_hours": order.gpu_hours,
            "region": order.region,
            "max_price_usd_per_hour": order.max_price_usd_per_hour,
            "max_latency_ms": order.max_latency_ms,
            "min_reputation": order.min_reputation,
            "issued_s": self.start_s + order.issued_s,
            "deadline_s": self.start_s + order.deadline_s,
            "nonce": _nonce(order.nonce),
            "key_id": self.signers[f"tenant:{order.tenant_id}"].key_id,
        }

    def receive(self, order: LiveOrder, body: bytes, now_s: float) -> None:
        """Read and verify the bytes, and let `order` say what they say, for the gateway and all behind it."""
        order.signature_valid = False
        try:
            request = read_order(body)
        except OrderInvalid as invalid:
            order.malformed_field = invalid.field or NO_SUCH_FIELD
            return
        signed = signing_bytes(request)
        reason = verify_order(request, signed, self.registry, self.start_s + now_s)
        read = to_order(
            request,
            source=order.source,
            region_index=self._region_indexes.get(request.region, UNKNOWN_REGION),
            signature_valid=not reason,
            treaty_id=self.treaty_id,
            signed=signed,
        )
        for name in READ_FIELDS:
            setattr(order, name, getattr(read, name))
        order.issued_s = read.issued_s - self.start_s
        order.deadline_s = read.deadline_s - self.start_s
        order.signed_id = read.order_id

    def signed_id(self, order: LiveOrder) -> str:
        """The id of the order's content. A job that ran before the run has no signed order: that of the one it would have had."""
        try:
            return order.signed_id
        except AttributeError:
            order.signed_id = order_id_of(canonical(self.fields(order)))
            return order.signed_id

    # Acks.

    def acked(self, order: LiveOrder, provider: Provider, price_usd_per_hour: float, now_s: float) -> Ack:
        """The ack of the provider, signed, sent, read and verified: what the client compares with its order."""
        time_s, provider_id = self.start_s + now_s, provider.provider_id
        sent = sign_ack(
            self.signers[f"provider:{provider_id}"] if provider.signs_well else self._stranger,
            order_id=self.signed_id(order),
            treaty_id=self.treaty_id,
            provider_id=provider_id,
            price_usd_per_hour=price_usd_per_hour,
            time_s=time_s,
        )
        return self.receive_ack(order, canonical(sent.model_dump()), provider_id, now_s)

    def receive_ack(self, order: LiveOrder, body: bytes, provider_id: str, now_s: float) -> Ack:
        """The ack in the bytes that came from a provider. What is no ack, or not its own, has no valid signature."""
        try:
            read = read_ack(body)
        except ValueError:
            return Ack(order.order_id, self.treaty_id, provider_id, 0.0, now_s, False)
        reason = verify_ack(
            read, self.registry, treaty_id=self.treaty_id, provider_id=provider_id, now_s=self.start_s + now_s
        )
        ack = to_ack(read, signature_valid=reason in ("", "ack_mismatch"))  # a mismatch is `check_ack`'s to find
        ack.time_s -= self.start_s
        if ack.order_id == self.signed_id(order):
            ack.order_id = order.order_id  # the run's own name for it, which its files have
        return ack


def derived_signer(owner: str, streams: Streams) -> Signer:
    """The private key of an owner, from the run's seed by a stream of its own. Good for a simulation, and for nothing else."""
    private_key = Ed25519PrivateKey.from_private_bytes(streams.generator(f"key/{owner}", 0).bytes(32))
    return Signer(owner, key_id_of(private_key.public_key().public_bytes_raw()), private_key)


def _nonce(name: str) -> str:
    """The nonce that stands for an order's name: no two names have one."""
    nonce = name.replace("/", ":")
    return nonce if len(nonce) <= NONCE_LENGTH_MAX else hashlib.sha256(nonce.encode()).hexdigest()
