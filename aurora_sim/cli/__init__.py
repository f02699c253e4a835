"""The command line: parse, call, print. Commands are imported when they are used, so that `--help` is quick."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Final

import click

from aurora_sim.scenario.errors import InputError, InvariantError, RunError, did_you_mean

COMMANDS: Final = {
    "run": ("aurora_sim.cli.run:run", "Run a scenario (the default: scenarios/baseline.yaml)."),
    "wargame": (
        "aurora_sim.cli.wargame:wargame",
        "Play the war game: every procedure and incident, judged and scored.",
    ),
    "alerts": ("aurora_sim.cli.alerts:alerts", "Hand a run to Prometheus, and judge the alert rules themselves."),
    "validate": ("aurora_sim.cli.validate:validate", "Check scenario files and all that they name, and run nothing."),
    "explain": ("aurora_sim.cli.explain:explain", "Say how the router ranks an order at a moment of a scenario."),
    "trace": ("aurora_sim.cli.trace:trace", "Describe real traces, import them, fit them."),
    "selfcheck": ("aurora_sim.cli.selfcheck:selfcheck", "Prove the model where theory knows the exact answer."),
    "policy": ("aurora_sim.cli.policy:policy", "Check, question and time a policy module."),
    "receipt": ("aurora_sim.cli.receipt:receipt", "Make and verify the receipts of jobs, and pin their artefacts."),
    "ack": ("aurora_sim.cli.ack:ack", "Verify the acks that providers sign."),
    "nonce": ("aurora_sim.cli.nonce:nonce", "Look at the treaty's nonce cache, purge it, move it."),
    "schema": (
        "aurora_sim.cli.schema:schema",
        "Print the JSON Schema of scenarios, playbooks or orders, or write them.",
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are named here, with their one-line help, and imported when they are called."""

    def __init__(self, commands: dict[str, tuple[str, str]], name: str, description: str) -> None:
        super().__init__(name=name, help=description)
        self._lazy = commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = self._lazy.get(cmd_name)
        if found is None:
            raise click.UsageError(f"No such command {cmd_name!r}. {did_you_mean(cmd_name, self._lazy)}", ctx)
        module, _, attribute = found[0].partition(":")
        # Before numpy is imported: its threads for linear algebra have nothing to do here, and are busy waiting for it.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # What is imported stays until the end: to look for garbage among it took a twentieth of the instructions of `validate`.
        gc.disable()
        try:
            command = getattr(importlib.import_module(module), attribute)
        finally:
            gc.enable()
        gc.freeze()
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, description) for name, (_, description) in self._lazy.items()])


def main() -> None:
    """The console script `aurora-sim`."""
    description = "Seeded scenarios of the Aurora Treaty System, through the real policy and the real router."
    arguments = sys.argv[1:]
    if not arguments:
        arguments = ["run"]
    sys.exit(call(LazyGroup(COMMANDS, "aurora-sim", description), arguments, "aurora-sim"))


def call(command: click.Command, arguments: list[str], name: str) -> int:
    """Run a command line; every failure is one message on stderr and an exit status.

    0: done; 1: it ran, and failed, or the disk did; 2: bad input or usage; 130: interrupted.
    """
    try:
        status = command.main(arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except InputError as error:
        click.echo(f"{name}: {error}", err=True)
        return 2
    except RunError as error:
        click.echo(f"{name}: {error}", err=True)
        return 1
    except InvariantError as error:
        click.echo(f"{name}: broken invariant: {error}", err=True)
        return 1
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name}: interrupted", err=True)
        return 130
    except BrokenPipeError:
        # Whoever read the output has enough; Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"{name}: {place}{error.strerror or error}. Nothing was left half-written", err=True)
        return 1
    return status if isinstance(status, int) else 0
