"""The files of results: JSON to keep and compare, JUnit for CI, the report for people. Each is whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from aurora_sim.lab.wargame.junit import junit_text
from aurora_sim.lab.wargame.results import Results
from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.whole_file import write_whole

MEND = "Give a file that `aurora-sim wargame --json FILE` of this version wrote"
BYTES_MAX = 500_000_000


def results_text(results: Results) -> str:
    """The JSON: the same bytes for the same results."""
    return json.dumps(results.model_dump(mode="json"), indent=1, sort_keys=True, allow_nan=False) + "\n"


def read_results(path: Path) -> Results:
    """The results of another time. Raises InputError."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise InputError(str(path), f"it is larger than {BYTES_MAX} bytes", MEND)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(str(path), error.strerror or "cannot be read", MEND) from error
    except UnicodeDecodeError as error:
        raise InputError(str(path), "it is no text", MEND) from error
    try:
        return Results.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {place}" if place else str(path), first["msg"], MEND) from error


def write_results(results: Results, *, json_file: Path | None, junit: Path | None, report: Path | None) -> None:
    """Write what was asked for."""
    texts = []
    if json_file is not None:
        texts.append((json_file, results_text(results)))
    if junit is not None:
        texts.append((junit, junit_text(results)))
    if report is not None:
        from aurora_sim.lab.wargame.report import report_html

        texts.append((report / "index.html", report_html(results)))
    for path, text in texts:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), mode=0o644)
