"""A provider's reputation: an exponentially weighted average that each order moves a little.

alpha 0.02 per order is a guess: about 35 failures in a row halve a reputation, and as many
orders that went well win half of the loss back.
"""

from __future__ import annotations

ALPHA = 0.02


def after_ack(reputation: float, standing: float, alpha: float = ALPHA) -> float:
    """The reputation (0 to 100) after an order that went well: pulled towards the provider's configured standing.

    `alpha` is 0 to 1. Needs no bounds: rounding keeps order, so the result lies between those for a standing of 0 and of
    100, and with each of these it stops at 0 and at 100 exactly.
    """
    return reputation + alpha * (standing - reputation)


def after_failure(reputation: float, alpha: float = ALPHA) -> float:
    """The reputation (0 to 100) after an order that failed: pulled towards 0."""
    return reputation - alpha * reputation


def after_outage(reputation: float, penalty_points: float, share: float) -> float:
    """The reputation (0 to 100) after a share of the provider's nodes, 0 to 1, went dark: all of them cost all the points."""
    return max(0.0, reputation - penalty_points * share)


def credit(reputation: float, credit_before: float, hysteresis_points: float) -> float:
    """The reputation that tenants' floors are held against: it sinks at once, and rises only once more than the points ahead.

    So a provider that sank below any floor f counts as below it until its reputation is f + `hysteresis_points` again, and
    does not flap around it (the play operator of hysteresis). With 0 points it is the reputation.
    """
    return min(reputation, max(credit_before, reputation - hysteresis_points))
