"""A run's samples as OpenMetrics text, each with its simulated time, so that a Prometheus can be filled with the run.

Written here and not by prometheus_client, whose writer goes letter by letter over the names of each sample, and takes twelve times
as long. In the tests promtool reads it, and prometheus_client's parser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TextIO

from aurora_sim.observe.series import METRICS, Labels, Sample

_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def write_openmetrics(file: TextIO, minutes: Iterable[tuple[float, Sequence[Sample]]], start: datetime) -> None:
    """Write samples of successive minutes, in seconds from `start`: each family in one piece, each of its metrics too."""
    family_of = {name: metric.name for metric in METRICS for name in metric.sample_names}
    found: dict[str, dict[Labels, list[str]]] = {metric.name: {} for metric in METRICS}
    start_s, notations = start.timestamp(), dict[tuple[str, Labels], str]()
    for time_s, samples in minutes:
        at = f"{start_s + time_s:.3f}"
        for name, labels, value in samples:
            notation = notations.get((name, labels))
            if notation is None:
                notation = notations[name, labels] = _notation(name, labels)
            # A histogram's buckets, sum and count of one minute stay together: they differ in `le` and name alone.
            metric = tuple(pair for pair in labels if pair[0] != "le") if name.endswith("_bucket") else labels
            found[family_of[name]].setdefault(metric, []).append(f"{notation} {_number(value)} {at}\n")
    for family in METRICS:
        if found[family.name]:
            name = family.name.removesuffix("_total")
            file.write(f"# HELP {name} {family.help.translate(_ESCAPES)}\n# TYPE {name} {family.kind}\n")
            for lines in found[family.name].values():
                file.writelines(lines)
    file.write("# EOF\n")


def _notation(name: str, labels: Labels) -> str:
    if not labels:
        return name
    return name + "{" + ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in labels) + "}"


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0.0 else "-Inf"
