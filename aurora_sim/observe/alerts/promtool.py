"""A run as a `promtool test rules` file, so that Prometheus itself judges what was evaluated here."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from aurora_sim.observe.alerts.alerting import FIRING, Alert
from aurora_sim.observe.alerts.rules import INTERVAL_S, RuleFile
from aurora_sim.observe.alerts.store import Labels, TakenSample


def write_rule_test(
    path: Path,
    rules: RuleFile,
    recorded: Sequence[tuple[float, Sequence[TakenSample]]],
    states: Sequence[Sequence[Alert]],
) -> None:
    """Write what was recorded, and for every alert and minute that exactly these alerts are firing.

    `recorded` holds (time, samples) of successive minutes, `states` what `AlertEngine.states` gave at each. Minute 0 of
    the file is the first one recorded. Where a series ends the file has a stale marker, as a scrape would leave.

    The file is YAML with one assertion a line; its texts are written as in JSON, which YAML includes.
    """
    if not recorded or len(recorded) != len(states):
        raise ValueError(f"{len(recorded)} minutes were recorded, and {len(states)} evaluated: one each, at least one")
    times = [time_s for time_s, _ in recorded]
    if any(time_s != times[0] + minute * INTERVAL_S for minute, time_s in enumerate(times)):
        raise ValueError(f"the times are not {INTERVAL_S:g} s apart")
    names = rules.sample_names
    minutes = [{(s[0], s[1]): s[2] for s in samples if s[0] in names} for _, samples in recorded]
    series = dict.fromkeys(key for minute in minutes for key in minute)
    alerts = dict.fromkeys(rule.alert for rule in rules.rules)
    text = json.dumps
    with path.open("w", encoding="utf-8", newline="\n") as file:
        # promtool takes the path as a pattern, relative to this file.
        file.write(f"rule_files: [{text(os.path.relpath(rules.path, path.parent), ensure_ascii=False)}]\n")
        file.write("evaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n")
        for key in series:
            values = _values([minute.get(key) for minute in minutes])
            file.write(f"  - {{series: {text(_notation(*key), ensure_ascii=False)}, values: {text(values)}}}\n")
        file.write("  alert_rule_test:\n")
        for minute, now in enumerate(states):
            for alert in alerts:
                expected = [_expected(one) for one in now if one.alert == alert and one.state == FIRING]
                file.write(
                    f"  - {{eval_time: {minute}m, alertname: {text(alert, ensure_ascii=False)}, "
                    f"exp_alerts: {text(expected, ensure_ascii=False)}}}\n"
                )


def _expected(alert: Alert) -> dict[str, dict[str, str]]:
    return {"exp_labels": dict(alert.labels), "exp_annotations": alert.annotations}


def _notation(name: str, labels: Labels) -> str:
    return name + "{" + ",".join(f"{label}={json.dumps(text, ensure_ascii=False)}" for label, text in labels) + "}"


def _values(values: Iterable[float | None]) -> str:
    """The values as promtool reads them: `_` where there is none, `stale` where it has just ended."""
    written: list[str] = []
    there = False
    for value in values:
        if value is not None:
            written.append(_number(value))
        else:
            written.append("stale" if there else "_")
        there = value is not None
    return " ".join(written)


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(float(value)) if math.isfinite(value) else f"{'-' if value < 0 else ''}Inf"
