"""A tape as files for Prometheus: the rules, a test that its promtool judges them by, and the samples to fill it with."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aurora_sim.lab.alerts.tape import Tape
from aurora_sim.observe.alerts import AlertEngine, load_rules, write_rule_test
from aurora_sim.observe.openmetrics import write_openmetrics
from aurora_sim.observe.run_files import PARTIAL, make_folder, remove_folders

RULES: Final = "rules.yml"
TEST: Final = "rule_test.yml"
METRICS: Final = "metrics.txt"
NAMES: Final = (RULES, TEST, METRICS)


@dataclass(frozen=True)
class Export:
    """What was written. `fired` says how many alerts of the rules fired."""

    folder: Path
    minutes: int
    rules: int
    assertions: int
    fired: int

    @property
    def text(self) -> str:
        """What is there, and what to do with it."""
        test, metrics, tsdb = (shlex.quote(str(self.folder / name)) for name in (TEST, METRICS, "tsdb"))
        return (
            f"{self.folder}/: {', '.join(NAMES)}; {self.minutes} minutes, {self.rules} rules, "
            f"{self.assertions} assertions, {self.fired} alerts fired\n"
            f"check     promtool test rules {test}\n"
            f"backfill  promtool tsdb create-blocks-from openmetrics {metrics} {tsdb}\n"
            f"          prometheus --config.file=/dev/null --storage.tsdb.path={tsdb} "
            "--storage.tsdb.retention.time=10y --web.listen-address=127.0.0.1:9090"
        )


def export(tape: Tape, rules_path: Path, out: Path) -> Export:
    """Evaluate rules over a tape, and write all files or none. Raises InputError for bad rules, OSError where the disk does."""
    rules = load_rules(rules_path)
    engine, names = AlertEngine(rules), rules.sample_names
    recorded, states = [], []
    for time_s, samples in tape.minutes:
        wanted = [sample for sample in samples if sample.name in names]
        engine.observe(time_s, wanted)
        recorded.append((time_s, wanted))
        states.append(engine.states())
    text = rules_path.read_bytes()
    made = make_folder(out)
    partial = {name: out / (name + PARTIAL) for name in NAMES}
    try:
        partial[RULES].write_bytes(text)
        write_rule_test(partial[TEST], replace(rules, path=out / RULES), recorded, states)
        with partial[METRICS].open("w", encoding="utf-8", newline="\n") as file:
            write_openmetrics(file, tape.minutes, tape.start)
        for name, path in partial.items():
            path.replace(out / name)
    except BaseException:
        for path in partial.values():
            path.unlink(missing_ok=True)
        remove_folders(made)
        raise
    fired = sum(alert.fired_s is not None for alert in engine.alerts())
    alerts = len({rule.alert for rule in rules.rules})
    return Export(out, len(states), len(rules.rules), alerts * len(states), fired)
