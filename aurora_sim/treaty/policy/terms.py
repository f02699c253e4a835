"""From the treaty's config to the terms that the policy's treaty block holds, and the index of each region name."""

from __future__ import annotations

from pathlib import Path

from aurora_sim.scenario.config import Treaty
from aurora_sim.scenario.document import read_document
from aurora_sim.scenario.validation import validate
from aurora_sim.treaty.policy.abi import TreatyTerms


def terms_from_config(path: Path) -> tuple[TreatyTerms, dict[str, int]]:
    """Terms and region indexes of a treaty file such as config/aurora-treaty-akash.json. Raises `InputError`."""
    treaty = validate(read_document(path), Treaty)
    return treaty_terms(treaty), region_indexes(treaty)


def treaty_terms(treaty: Treaty) -> TreatyTerms:
    """The terms of a treaty: every region it names is allowed, and has the bit of its `region_indexes`."""
    mask = 0
    for index in region_indexes(treaty).values():
        mask |= 1 << index
    return TreatyTerms(
        region_mask=mask,
        quota_gpu_hours_total=treaty.quota_gpu_hours_total,
        quota_gpu_hours_daily_per_tenant=treaty.quota_gpu_hours_daily_per_tenant,
        min_reputation=treaty.min_reputation,
        halted=treaty.halted,
    )


def region_indexes(treaty: Treaty) -> dict[str, int]:
    """An index for each region of the treaty, by its place in the list; any other region gets `UNKNOWN_REGION`."""
    return {name: index for index, name in enumerate(dict.fromkeys(treaty.regions))}
