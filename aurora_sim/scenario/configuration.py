"""The configuration folder: the documents of `config/`, merged, and the world that they make without any scenario."""

from __future__ import annotations

from pathlib import Path

from aurora_sim.scenario.config import SECTIONS, World
from aurora_sim.scenario.document import Document, read_document
from aurora_sim.scenario.merge import merge
from aurora_sim.scenario.references import check_world
from aurora_sim.scenario.validation import validate

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout: where `config/`, `scenarios/` and `policy/` are when they are not under the working folder."""


def find(path: Path) -> Path:
    """The path as given or, if there is nothing there, the same path in the checkout."""
    return path if path.exists() or path.is_absolute() or not (PROJECT / path).exists() else PROJECT / path


def read_configuration(config_dir: Path) -> tuple[Document, dict[str, str]]:
    """Every file of a configuration folder as one document, and the SHA-256 of each. Raises InputError for what cannot be read.

    Each file that is not there is looked for in the checkout: a deployment's own `config/` may hold its key registry alone.
    """
    merged = Document(config_dir, {}, {}, "")
    sha256 = {}
    for name, sections in SECTIONS.items():
        part = read_document(find(config_dir / name))
        sha256[f"config/{name}"] = part.sha256
        merged = merge(merged, part, into=sections if sections == ("treaty",) else ())
    return merged, sha256


def read_world(config_dir: Path) -> World:
    """All of a configuration folder, checked: what production reads. Raises InputError for whatever is wrong in it."""
    merged, _ = read_configuration(config_dir)
    world = validate(merged, World)
    check_world(merged, world)
    return world
