"""The configuration without a scenario: what production reads from `config/`."""

from __future__ import annotations

from pathlib import Path

from aurora_sim.scenario.config import SECTIONS, World
from aurora_sim.scenario.document import Document, read_document
from aurora_sim.scenario.merge import merge
from aurora_sim.scenario.references import check_world
from aurora_sim.scenario.validation import validate


def read_world(config_dir: Path) -> World:
    """All of a configuration folder, checked. Raises `InputError` for whatever is wrong in any of its files."""
    merged = Document(config_dir, {}, {}, "")
    for name, sections in SECTIONS.items():
        merged = merge(merged, read_document(config_dir / name), into=sections if sections == ("treaty",) else ())
    world = validate(merged, World)
    check_world(merged, world)
    return world
