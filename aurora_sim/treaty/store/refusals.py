"""The answers that let nothing in: their reasons, in words, and when to come again."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from aurora_sim.treaty.store.answers import Answer

RETRY_HALTED_S: Final = 60.0
RETRY_STORE_S: Final = 1.0
RETRY_PROVIDERS_S: Final = 30.0

_MESSAGES: Final = {
    "treaty_halted": "The treaty is halted, and takes no orders",
    "terms_invalid": "The treaty's terms are not signed by its key: an operator must look at them",
    "rate_limited": "Too many orders: slow down",
    "signature_invalid": "The signature is not that of the order by the tenant's key",
    "key_unknown": "No key of that id is registered",
    "key_owner": "The key is another's",
    "key_not_yet_valid": "The key was not valid yet when the order was issued",
    "key_expired": "The key is no longer valid: sign with the new one",
    "key_revoked": "The key is revoked",
    "tenant_unknown": "The treaty has no such tenant",
    "clock_skew": "issued_s lies in the future: synchronise the clock",
    "issued_too_old": "The order was issued too long ago: sign a new one",
    "deadline_passed": "The order's deadline has passed",
    "replayed_nonce": "The nonce was used before: sign a new order with a new one",
    "nonce_store_unavailable": "The nonce store is out of reach, and without it nothing is let in",
    "database_unavailable": "The database is out of reach",
    "log_unavailable": "The order log cannot be written",
    "log_mismatch": "Order log and database do not belong together: an operator must look at them",
    "keys_unavailable": "The key registry cannot be read",
    "policy_error": "The policy failed, and without it nothing is let in",
    "region_not_allowed": "The treaty does not allow the region",
    "low_reputation": "The tenant's reputation is below the treaty's floor",
    "tenant_daily_quota": "The tenant's quota of the day does not cover the order",
    "treaty_total_quota": "The treaty's quota does not cover the order",
    "malformed_order": "The policy finds the order malformed",
    "refused": "No provider took the order",
}


def refusal(
    status: int,
    reason: str,
    *,
    message: str = "",
    field: str | None = None,
    order_id: str = "",
    retry_after_s: float | None = None,
) -> Answer:
    """`{"error": reason, "message": ...}`, with the field and the order's id where there are any."""
    body: dict[str, JsonValue] = {"error": reason, "message": message or _MESSAGES.get(reason, reason)}
    if field is not None:
        body["field"] = field
    if order_id:
        body["order_id"] = order_id
    return Answer(status, body, retry_after_s)


def schema_refusal(field: str, message: str = "") -> Answer:
    """422, naming the field; "" when the body is no order at all."""
    return refusal(422, "schema", field=field, message=message or f"{field} has a value that this treaty does not take")


def unavailable(reason: str) -> Answer:
    """503 for what may be mended in a moment."""
    return refusal(503, reason, retry_after_s=RETRY_STORE_S)
