"""What a playbook asks for, in words: for tables, reports and findings."""

from __future__ import annotations

import math

from aurora_sim.lab.wargame.judge import clock
from aurora_sim.scenario.playbook import Expectation

_BOUNDS = (("at_least", ">="), ("at_most", "<="))


def expectation_text(e: Expectation) -> str:
    """What is expected, without its bound."""
    if e.alert is not None:
        if e.silent:
            return f"{e.alert} stays silent"
        return f"{e.alert} may fire" if e.may_fire else f"{e.alert} fires"
    if e.metric is not None:
        whose = f" of {e.tenant or e.provider}" if e.tenant or e.provider else ""
        what = f"{e.metric}{whose}"
        return f"{what} recovers to {e.recovers_to:g}" if e.recovers_to is not None else what + _where(e)
    if e.never is not None:
        return f"no order {_matching(e.never)}{_where(e)}"
    if e.share is not None:
        return f"share of orders {_matching(e.share)}" + (
            f" among those {_matching(e.of_orders)}" if e.of_orders else ""
        )
    if e.violation is not None:
        return f"the safety rule {e.violation} is broken"
    return f"total {e.total}" if e.total is not None else f"{e.action} is done"


def target_text(e: Expectation) -> str:
    """Its bound."""
    if e.alert is not None:
        return f"within {clock(e.fires_within)}" if e.fires_within is not None else "never" if e.silent else "-"
    if e.recovers_to is not None or e.action is not None:
        return f"within {clock(e.within or math.inf)}"
    if e.never is not None:
        return "0 orders"
    return " and ".join(f"{sign} {getattr(e, name):g}" for name, sign in _BOUNDS if getattr(e, name) is not None)


def _matching(match: dict[str, str]) -> str:
    return "with " + ", ".join(f"{key} {value}" for key, value in match.items()) if match else "of all"


def _where(e: Expectation) -> str:
    if e.while_ is not None:
        return f" while {e.while_}"
    until = f" until {clock(e.until)}" if e.until is not None else ""
    return f" from {clock(e.from_s)}{until}" if e.from_s is not None else until
