"""The treaty's policy: a WASM module that decides whether an order may use the treaty, and the host that runs it."""

from aurora_sim.treaty.policy.abi import ALLOW, DECISIONS, POLICY_ERROR, UNKNOWN_REGION, TreatyTerms, reason

__all__ = ["ALLOW", "DECISIONS", "POLICY_ERROR", "UNKNOWN_REGION", "PolicyHost", "TreatyTerms", "reason"]


def __getattr__(name: str) -> object:
    if name == "PolicyHost":
        from aurora_sim.treaty.policy.host import PolicyHost

        return PolicyHost
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
