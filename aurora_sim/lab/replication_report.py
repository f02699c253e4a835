"""What is told of replications: the tables on the terminal, a row for each seed as CSV, and all of it as JSON.

Neither file has a wall-clock time or the number of processes in it: the same inputs and seeds give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Final

from aurora_sim import __version__
from aurora_sim.lab.measures import MEASURES, NAMES, Unit
from aurora_sim.lab.replications import REPLICATIONS_MAX, REPLICATIONS_MIN, Automatic, Replications
from aurora_sim.lab.statistics import CONFIDENCE, LOOK_AHEAD, Interval
from aurora_sim.observe.run_files import write_files
from aurora_sim.observe.slo import VERDICTS
from aurora_sim.observe.terminal import table

ROWS: Final = "replications.csv"
RESULT: Final = "replications.json"
DECIMALS: Final[dict[Unit, int]] = {"share": 4, "ms": 1, "events": 1, "jobs": 1, "USD": 4, "GPU-hours": 1}


def report(done: Replications) -> str:
    """The text for the terminal: the measures with their intervals, and the objectives with how often they were met."""
    seeds = f"seeds {done.runs[0].seed} to {done.runs[-1].seed}"
    parts = [
        f"{done.loaded.scenario.title}: {len(done.runs)} replications of {done.steps} steps, {seeds}",
        "",
        _measures(done),
        "",
        _objectives(done),
    ]
    if isinstance(done.wanted, Automatic):
        parts += ["", _precision(done, done.wanted)]
    return "\n".join(parts)


def write(folder: Path, done: Replications) -> None:
    """Put both files into a folder that is there."""
    write_files(folder, {ROWS: rows(done), RESULT: result(done)})


def rows(done: Replications) -> str:
    """`replications.csv`: seed, measures, and the verdict on each objective. A measure without data is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["seed", *NAMES, *(_column(objective.name) for objective in done.runs[0].objectives)])
    for each in done.runs:
        figures = ["" if (x := each.measures[name]) is None else f"{x:.10g}" for name in NAMES]
        writer.writerow([each.seed, *figures, *(objective.verdict for objective in each.objectives)])
    return text.getvalue()


def result(done: Replications) -> str:
    """`replications.json`: what was run and from which inputs, how the intervals are made, and what came out."""
    document = {
        "title": done.loaded.scenario.title,
        "scenario": str(done.loaded.path),
        "overrides": list(done.loaded.overrides),
        "crypto": done.options.crypto,
        "steps": done.steps,
        "inputs": done.inputs,
        "seeds": [each.seed for each in done.runs],
        "replications": len(done.runs),
        "method": _method(done),
        "measures": {
            name: None if found is None else {key: _rounded(value) for key, value in asdict(found).items()}
            for name, found in done.intervals().items()
        },
        "slo": {
            objective.name: {
                "target": objective.target,
                "comparison": objective.comparison,
                **{verdict: verdicts[verdict] for verdict in VERDICTS},
            }
            for objective, verdicts in done.verdicts()
        },
        "version": __version__,
    }
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _method(done: Replications) -> dict[str, object]:
    method: dict[str, object] = {
        "interval": "Student's t over independent replications",
        "confidence": CONFIDENCE,
        "seed": "replication k, counted from 0, runs with the first seed + k",
    }
    if isinstance(done.wanted, Automatic):
        method["automatic"] = {
            "precision": done.wanted.precision,
            "precision_is": "half-width relative to the mean",
            "of": list(done.wanted.measures),
            "replications_min": REPLICATIONS_MIN,
            "replications_max": REPLICATIONS_MAX,
            "look_ahead": LOOK_AHEAD,
            "precise_since": done.precise_since,
        }
    return method


def _measures(done: Replications) -> str:
    intervals = done.intervals()
    lines = [("measure", "mean", "95 % interval", "lowest", "highest", "n")]
    for measure in MEASURES:
        found = intervals[measure.name]
        title = (
            measure.title
            if measure.unit in ("share", "events", "jobs", "GPU-hours")
            else f"{measure.title}, {measure.unit}"
        )
        if found is None:
            lines.append((title, "-", "not enough data", "-", "-", "0"))
        else:
            lines.append((title, *_figures(found, DECIMALS[measure.unit]), str(found.n)))
    return table(lines)


def _figures(found: Interval, decimals: int) -> tuple[str, str, str, str]:
    half_width = "not enough data" if found.half_width is None else f"+- {found.half_width:.{decimals}f}"
    return f"{found.mean:.{decimals}f}", half_width, f"{found.lowest:.{decimals}f}", f"{found.highest:.{decimals}f}"


def _objectives(done: Replications) -> str:
    runs = len(done.runs)
    lines = [("objective", "target", "verdict")]
    for objective, verdicts in done.verdicts():
        target = f"{objective.comparison} {objective.target:g}" + (" ms" if objective.unit == "ms" else "")
        verdict = f"met in {verdicts['met']} of {runs}"
        if verdicts["not enough data"]:
            verdict += f", not enough data in {verdicts['not enough data']}"
        lines.append((objective.name, target, verdict))
    return table(lines)


def _precision(done: Replications, wanted: Automatic) -> str:
    what = f"{', '.join(wanted.measures)} within {wanted.precision:g} of the mean"
    if done.precise_since is None:
        return f"NOT PRECISE: {what} was not reached in {len(done.runs)} replications"
    return f"{what} since replication {done.precise_since}, and in every one after it"


def _column(objective: str) -> str:
    return "slo_" + re.sub(r"[^a-z0-9]+", "_", objective.lower()).strip("_")


def _rounded(value: float | None) -> float | None:
    """Ten significant digits, as the rows have: what is behind them is the last bit of a sum."""
    return None if value is None else value if isinstance(value, int) else float(f"{value:.10g}")
