"""`aurora-sim selfcheck`: the engine, pared down to cases with an exact answer, against that answer."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from aurora_sim import __version__
from aurora_sim.cli.crew_options import chosen_crew, crew_options
from aurora_sim.lab.selfcheck.case import FAILS_MAX
from aurora_sim.lab.selfcheck.check import CASES, FOOT, HEADER, LEVEL, check, row
from aurora_sim.scenario.errors import InputError, did_you_mean


@click.command()
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Seed of every draw.")
@crew_options
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write the findings there too."
)
@click.option("--only", multiple=True, metavar="CASE", help="Check this case alone; may be given several times.")
def selfcheck(seed: int, jobs: int | None, executor: str | None, json_path: Path | None, only: tuple[str, ...]) -> int:
    """Run the engine where theory knows the exact answer, and compare."""
    for name in only:
        if name not in CASES:
            raise InputError(f"--only {name}", "there is no such case", did_you_mean(name, CASES))
    if json_path is not None and not json_path.parent.is_dir():
        raise InputError(f"--json {json_path}", "its folder does not exist", "Make it, or give another place")
    names = [name for name in CASES if not only or name in only]
    click.echo(f"{HEADER}\n{'-' * len(HEADER)}")
    findings = []
    with chosen_crew(jobs, executor) as crew:
        for found in check(names, seed, crew):
            findings += found
            click.echo("\n".join(map(row, found)))
    missed = sum(not finding.passed for finding in findings)
    click.echo(f"\n{FOOT}")
    click.echo(f"seed {seed}: {len(findings) - missed} of {len(findings)} quantities met")
    if json_path is not None:
        document = {
            "aurora_sim": __version__,
            "seed": seed,
            "level": LEVEL,
            "fails_max": FAILS_MAX,
            "passed": missed == 0,
            "findings": [
                # JSON knows no infinity.
                {key: None if value in (float("inf"), float("-inf")) else value for key, value in asdict(f).items()}
                for f in findings
            ],
        }
        json_path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if missed else 0
