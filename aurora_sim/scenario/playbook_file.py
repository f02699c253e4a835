"""A playbook from its file: read as any scenario is, then checked for what could never happen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aurora_sim.scenario.document import Document, read_document
from aurora_sim.scenario.playbook import Playbook
from aurora_sim.scenario.playbook_check import check_playbook
from aurora_sim.scenario.scenario import Loaded, build, find


class LoadedPlaybook(NamedTuple):
    """A playbook that was read and checked in full: `loaded.scenario` is it, and `document` knows the place of every value."""

    loaded: Loaded
    playbook: Playbook
    document: Document


def load_playbook(
    path: Path,
    *,
    config_dir: Path | None = None,
    overrides: list[str] | None = None,
    alerts: Mapping[str, float] | None = None,
) -> LoadedPlaybook:
    """Read a playbook over the configuration. `alerts` are the rules' names, each with its `for` in seconds, where they are known.

    Raises InputError for whatever is wrong in any of the files.
    """
    document = read_document(find(path))
    loaded = build(path, document, Playbook, config_dir=config_dir, overrides=overrides)
    playbook = loaded.scenario
    assert isinstance(playbook, Playbook)
    check_playbook(document, playbook, loaded.world, loaded.faults, alerts)
    return LoadedPlaybook(loaded, playbook, document)
