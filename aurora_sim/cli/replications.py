"""`aurora-sim run --replications`: one scenario over many seeds, its intervals, its two files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from aurora_sim.cli.crew_options import chosen_crew
from aurora_sim.scenario.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from aurora_sim.engine.run import Options
    from aurora_sim.scenario.scenario import Loaded

SEED_MAX = 2**63 - 1
PRECISION = 0.01
NUMBER_MAX = 100_000


def number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | Literal["auto"] | None:
    """How many replications, from the text of the option: an integer from 2 on, or `auto`."""
    if value is None or value == "auto":
        return value  # type: ignore[return-value]  # a string here is "auto"
    if re.fullmatch("[0-9]{1,6}", value) is None or not 2 <= int(value) <= NUMBER_MAX:
        raise click.BadParameter(f"{value!r} is neither a number from 2 to {NUMBER_MAX} nor `auto`")
    return int(value)


class Choice(NamedTuple):
    """What the command line says of replications."""

    replications: int | Literal["auto"] | None
    precision: float | None
    measures: tuple[str, ...]
    jobs: int | None
    executor: str | None

    def check(self, seed: int, alone: Mapping[str, bool]) -> None:
        """Refuse what makes no sense together; `alone` are options of a single run, and whether they were given."""
        if self.replications is None:
            for option, given in {"--jobs": self.jobs is not None, "--executor": self.executor is not None}.items():
                if given:
                    raise InputError(option, "a single run is one process", "Give --replications too")
        else:
            for option, given in alone.items():
                if given:
                    mend = "Leave it out, or run the seed that it is for alone"
                    raise InputError(option, "this is for a single run, and --replications are many", mend)
            if isinstance(self.replications, int) and seed + self.replications - 1 > SEED_MAX:
                raise InputError(f"--seed {seed}", f"the last seed would be above {SEED_MAX}", "Give a lower one")
        if self.replications != "auto":
            for option, given in {"--precision": self.precision is not None, "--measure": bool(self.measures)}.items():
                if given:
                    mend = "Give --replications auto, or leave it out"
                    raise InputError(
                        option, "it says how many replications are enough, and their number is given", mend
                    )


def replicate(
    loaded: Loaded, options: Options, choice: Choice, quiet: bool, show: Callable[[int, int], object]
) -> None:
    """Run the replications and write their files; nothing is left behind where one of them fails."""
    from aurora_sim.lab.measures import NAMES
    from aurora_sim.lab.replication_report import RESULT, ROWS, report, write
    from aurora_sim.lab.replications import Automatic, replications
    from aurora_sim.observe.run_files import make_folder, remove_folders

    assert options.out is not None, "the command line always names a folder"
    for name in choice.measures:
        if name not in NAMES:
            raise InputError(f"--measure {name}", "there is no such measure", did_you_mean(name, NAMES))
    wanted: int | Automatic
    if isinstance(choice.replications, int):
        wanted = choice.replications
    else:
        wanted = Automatic(choice.precision or PRECISION, choice.measures or ("fill_rate",))
    made = make_folder(options.out)
    try:
        if not os.access(options.out, os.W_OK):  # so that it is known before an hour of runs, and not after it
            raise PermissionError(13, "Permission denied", str(options.out))
        with chosen_crew(choice.jobs, choice.executor) as jobs:
            done = replications(loaded, options, wanted, jobs, show)
        write(options.out, done)
    except BaseException:
        remove_folders(made)
        raise
    if not quiet:
        click.echo(report(done))
        click.echo(f"files in {options.out}/: {ROWS}, {RESULT}")
