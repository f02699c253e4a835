"""A provider's reputation: an exponentially weighted average that each order moves a little.

alpha 0.02 per order is a guess (G, reference/domain.md): about 35 failures in a row halve a reputation, and as many
orders that went well win half of the loss back.
"""

from __future__ import annotations

ALPHA = 0.02


def after_ack(reputation: float, standing: float, alpha: float = ALPHA) -> float:
    """The reputation (0 to 100) after an order that went well: pulled towards the provider's configured standing."""
    moved = reputation + alpha * (standing - reputation)
    return moved if 0.0 <= moved <= 100.0 else _within_bounds(moved)


def after_failure(reputation: float, alpha: float = ALPHA) -> float:
    """The reputation (0 to 100) after an order that failed: pulled towards 0."""
    return _within_bounds(reputation - alpha * reputation)


def _within_bounds(reputation: float) -> float:
    return 0.0 if reputation < 0.0 else 100.0 if reputation > 100.0 else reputation
