"""The committed policy's rules in plain Python: the yardstick of `policy bench`, and what the tests hold the module to.

Nothing decides by it: a policy of one's own may have other rules, and then the module alone says what they are.
"""

from __future__ import annotations

import math

from aurora_sim.treaty.policy import abi


def decide_by_rules(
    terms: abi.TreatyTerms,
    gpu_hours: float,
    tenant_used_today: float,
    treaty_used_total: float,
    region_index: int,
    tenant_reputation: int,
    nonce_seen: int,
) -> int:
    """The decision code of one order. Comparisons with NaN are false, so each limit is written to deny on false."""
    if not 0.0 < gpu_hours < math.inf:
        return abi.DECISIONS.index("malformed_order")
    if terms.halted:
        return abi.DECISIONS.index("treaty_halted")
    if region_index >= abi.REGIONS or not terms.region_mask >> region_index & 1:
        return abi.DECISIONS.index("region_not_allowed")
    if nonce_seen:
        return abi.DECISIONS.index("replayed_nonce")
    if tenant_reputation < terms.min_reputation:
        return abi.DECISIONS.index("low_reputation")
    if not tenant_used_today + gpu_hours <= terms.quota_gpu_hours_daily_per_tenant:
        return abi.DECISIONS.index("tenant_daily_quota")
    if not treaty_used_total + gpu_hours <= terms.quota_gpu_hours_total:
        return abi.DECISIONS.index("treaty_total_quota")
    return abi.ALLOW
