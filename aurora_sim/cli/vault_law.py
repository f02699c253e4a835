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
    "init": ("aurora_sim.cli.init:init", "Make the database, the keys and the order log of a deployment."),
    "db": ("aurora_sim.cli.init:db", "Bring the database to this program's version."),
    "halt": ("aurora_sim.cli.halt:halt", "Let no order in, until it is resumed."),
    "resume": ("aurora_sim.cli.halt:resume", "Lift every halt."),
    "status": ("aurora_sim.cli.halt:status", "Say how the treaty stands."),
    "amend": ("aurora_sim.cli.amend:amend", "Change the treaty's terms at once, or take that back."),
    "verify": ("aurora_sim.cli.verify:verify", "Say whether database, log and signatures agree."),
    "audit": ("aurora_sim.cli.verify:audit", "List what an operator should look at."),
    "backup": ("aurora_sim.cli.backup:backup", "Write a snapshot of the database."),
    "restore": ("aurora_sim.cli.backup:restore", "Restore a snapshot, and what the log has after it."),
    "nonce": ("aurora_sim.cli.nonce:nonce", "Look at the nonce cache, purge it, move it."),
}


def main() -> None:
    """The console script."""
    group = LazyGroup(COMMANDS, "vault-law", "The treaty's own commands.")
    sys.exit(call(group, sys.argv[1:] or ["--help"], "vault-law"))
