"""The console script `vault-law`: the treaty's own commands, which need no simulator."""

from __future__ import annotations

import sys
from typing import Final

from aurora_sim.cli import LazyGroup, call

COMMANDS: Final = {
    "keys": ("aurora_sim.cli.keys:keys", "List, rotate and revoke the keys that everything is signed with."),
    "ack": ("aurora_sim.cli.ack:ack", "Verify the acks that providers sign."),
    "log": ("aurora_sim.cli.log:log", "Verify and show the hash-chained log of orders and actions."),
    "policy": ("aurora_sim.cli.policy:policy", "Check, question and time a policy module."),
    "receipt": ("aurora_sim.cli.receipt:receipt", "Make and verify the receipts of jobs, and pin their artefacts."),
    "serve": ("aurora_sim.cli.serve:serve", "Take signed orders over HTTP."),
    "order": ("aurora_sim.cli.order:order", "Sign orders, submit them, and ask for them."),
}


def main() -> None:
    """The console script."""
    group = LazyGroup(COMMANDS, "vault-law", "The treaty's own commands.")
    sys.exit(call(group, sys.argv[1:] or ["--help"], "vault-law"))
