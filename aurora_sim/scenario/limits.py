"""What is more than any scenario needs."""

from __future__ import annotations

from typing import Final

STEPS_MAX: Final = 5_256_000
"""Ten years of steps."""
