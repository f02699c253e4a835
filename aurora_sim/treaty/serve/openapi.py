"""The OpenAPI 3.1 document of the service: what it promises to answer, as `GET /openapi.json` gives it."""

from __future__ import annotations

import copy
from typing import Any, Final

from aurora_sim import __version__
from aurora_sim.treaty.serve.app import JSON

JsonObject = dict[str, Any]

REFUSALS: Final = {
    400: "The request is no HTTP/1.1, or it broke off.",
    401: "The signature is not the tenant's, its key is not valid, or the order was issued in the future or too long ago.",
    403: "The policy denied the order.",
    408: "The order took too long to arrive.",
    409: "The nonce was seen before; `order_id` is the order that it was accepted with, where that is known.",
    413: "The order has more than 65,536 bytes.",
    415: "The order is not sent as application/json.",
    422: "The order breaks the schema or a limit; `field` names where, and is empty where it is no JSON object.",
    429: "The tenant or the sender's address has no token left; `Retry-After` says when to come again.",
    503: "Nothing was accepted: the treaty is halted, a store is out of reach, or no provider took the order.",
}
RETRIED: Final = (429, 503)


def openapi_document(order_schema: JsonObject) -> JsonObject:
    """The document, with the JSON Schema of an order inside."""
    definitions, order = _hoisted(order_schema)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aurora Treaty: orders",
            "version": __version__,
            "description": "Takes signed GPU orders; each is accepted with a provider's signed ack, or refused with a reason.",
        },
        "paths": {
            "/orders": {"post": _post_order()},
            "/orders/{order_id}": {"get": _get_order()},
            "/healthz": {
                "get": _get(
                    "Whether orders can be decided.", {"200": _answer("They can.", "Health")} | _unavailable("Health")
                )
            },
            "/schema": {"get": _get("The JSON Schema of an order.", {"200": _answer("The schema.", "AnyObject")})},
            "/openapi.json": {"get": _get("This document.", {"200": _answer("The document.", "AnyObject")})},
        },
        "components": {"schemas": {**definitions, "Order": order, **_answers()}},
    }


def _post_order() -> JsonObject:
    responses = {"202": _answer("Accepted, with the ack that the provider signed.", "Accepted")}
    for status, description in REFUSALS.items():
        responses[str(status)] = _answer(description, "Refused", retried=status in RETRIED)
    return {
        "operationId": "submitOrder",
        "summary": "Submit an order that its tenant has signed.",
        "requestBody": {"required": True, "content": {JSON: {"schema": _reference("Order")}}},
        "responses": responses,
    }


def _get_order() -> JsonObject:
    parameter = {
        "name": "order_id",
        "in": "path",
        "required": True,
        "description": "As the answer to the order named it: it follows from the order's content.",
        "schema": {"type": "string", "minLength": 1},
    }
    responses = {
        "200": _answer("The order.", "AnyObject"),
        "404": _answer("There is no order of this id.", "Refused"),
        **_unavailable("Refused"),
    }
    return {
        "operationId": "getOrder",
        "summary": "What is known of an order.",
        "parameters": [parameter],
        "responses": responses,
    }


def _get(summary: str, responses: JsonObject) -> JsonObject:
    return {"summary": summary, "responses": responses}


def _unavailable(schema: str) -> JsonObject:
    return {"503": _answer("The database is out of reach.", schema, retried=True)}


def _answer(description: str, schema: str, *, retried: bool = False) -> JsonObject:
    answer: JsonObject = {"description": description, "content": {JSON: {"schema": _reference(schema)}}}
    if retried:
        answer["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait; absent where coming again would not help.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return answer


def _answers() -> JsonObject:
    text = {"type": "string"}
    return {
        "Accepted": {
            "type": "object",
            "required": ["order_id", "status", "treaty_id", "provider_id", "price_usd_per_hour", "ack"],
            "properties": {
                "order_id": text,
                "status": {"const": "accepted"},
                "treaty_id": text,
                "provider_id": text,
                "price_usd_per_hour": {"type": "number", "exclusiveMinimum": 0},
                "ack": {"type": "object", "required": ["order_id", "provider_id", "key_id", "signature"]},
            },
        },
        "Refused": {
            "type": "object",
            "required": ["error", "message"],
            "properties": {"error": text, "message": text, "field": text, "order_id": text},
        },
        "Health": {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["ok", "unavailable"]}}},
        "AnyObject": {"type": "object"},
    }


def _reference(schema: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{schema}"}


def _hoisted(schema: JsonObject) -> tuple[JsonObject, JsonObject]:
    """The schema's definitions and the schema without them: inside this document they stand among the components."""
    own = copy.deepcopy(schema)
    own.pop("$schema", None)
    own.pop("$id", None)
    definitions = own.pop("$defs", {})
    _repoint(definitions)
    _repoint(own)
    return definitions, own


def _repoint(part: Any) -> None:
    if isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str):
            part["$ref"] = reference.replace("#/$defs/", "#/components/schemas/")
        for value in part.values():
            _repoint(value)
    elif isinstance(part, list):
        for value in part:
            _repoint(value)
