"""An ack counts only when the asked provider signed it, for this order and treaty, within the order's price."""

from __future__ import annotations

import math

import pytest
from treaty_orders import an_order

from aurora_sim.treaty.ack import Ack, check_ack


@pytest.mark.parametrize(
    ("different", "reason"),
    [
        ({}, ""),
        ({"price_usd_per_hour": 3.0}, ""),
        ({"price_usd_per_hour": 3.01}, "ack_price"),
        ({"price_usd_per_hour": -0.01}, "ack_price"),
        ({"price_usd_per_hour": math.nan}, "ack_price"),
        ({"provider_id": "flux"}, "ack_mismatch"),
        ({"treaty_id": "AURORA-FLUX-001"}, "ack_mismatch"),
        ({"order_id": "order-2"}, "ack_mismatch"),
        ({"signature_valid": False}, "ack_signature"),
        ({"signature_valid": False, "provider_id": "flux", "price_usd_per_hour": 9.0}, "ack_signature"),
        ({"provider_id": "flux", "price_usd_per_hour": 9.0}, "ack_mismatch"),
    ],
)
def test_reasons(different, reason):
    fields = {
        "order_id": "order-1",
        "treaty_id": "AURORA-AKASH-001",
        "provider_id": "akash",
        "price_usd_per_hour": 1.8,
        "time_s": 1.0,
        "signature_valid": True,
    }
    assert check_ack(Ack(**{**fields, **different}), an_order(), "akash", "AURORA-AKASH-001") == reason
