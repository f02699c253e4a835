"""Runs `vault-law` in this process, as its console script does, and makes a deployment for it to act on."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurora_sim.cli import LazyGroup, call
from aurora_sim.cli.vault_law import COMMANDS
from aurora_sim.treaty.key_files import create_key
from aurora_sim.treaty.keys import KeyRegistry, editing

OWNERS = ("tenant:tenant-research", "provider:akash", "treaty")


class VaultLaw:
    """`law(ARGUMENT...)` gives the exit status, what was printed, and what was complained of."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self._capsys.readouterr()
        status = call(LazyGroup(COMMANDS, "vault-law", ""), [str(argument) for argument in arguments], "vault-law")
        shown = self._capsys.readouterr()
        return status, shown.out, shown.err


def make_keys(folder: Path, since_s: float) -> KeyRegistry:
    """A key for each of `OWNERS`, valid since then, where the commands look by default."""
    with editing(folder / "config" / "keys.json", create=True) as registry:
        for owner in OWNERS:
            registry.add(owner, create_key(folder / "state" / "keys", owner).public_key, since_s)
    return registry


def key_id(registry: KeyRegistry, owner: str) -> str:
    """The id of the owner's newest key."""
    return registry.keys(owner)[-1].key_id
