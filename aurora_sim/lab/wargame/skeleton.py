"""The file that a new game begins as: it plays as it is, and every line says what to change."""

from __future__ import annotations

from pathlib import Path

from aurora_sim.scenario.errors import InputError

TEXT = """\
# yaml-language-server: $schema={schema}
title: {title}
runbook: 2. Failover to Backup Provider      # the section of the runbook that it drills
severity: SEV2                               # SEV1 to SEV4: how fast somebody is on it (config/operators.json)
tags: [failover]                             # for --only
needs-response: true                         # whether it is lost when nobody responds
start: 2026-01-05T13:30:00Z
steps: 180                                   # minutes; leave 10 and more after the last fault and rollback
world: {{}}                                    # overrides of config/, by key
steady-state: [fill_rate, bridge_rtt, provenance_coverage]   # must hold for 10 min before the first fault, and after the last
method:                                      # what breaks: scenarios/README.md has every fault
  - {{id: dark, at: 30m, fault: outage, provider: akash, for: 45m}}
response:                                    # what operators do, on what they can see: an alert, a metric, a time
  - when: {{alert: AuroraFillRateLow}}
    after: response-time                     # drawn from the severity's law; or a duration
    do: set-router-weights
    with: {{weights: {{flux: 2.0, vast: 2.0, aethir: 2.0}}}}
rollbacks:                                   # how it is put back; these always run
  - when: {{provider: akash, active-for: 30m}}
    do: set-router-weights
    with: {{weights: {{flux: 1.0, vast: 1.0, aethir: 1.0}}}}
expect:                                      # what must be true, each with a weight (1)
  - {{alert: AuroraFillRateLow, fires-within: 20m, of: dark}}
  - {{metric: fill_rate, recovers-to: 0.80, within: 60m, of: dark}}
  - {{never: {{outcome: filled, provider: akash}}, while: dark}}
"""


def write_skeleton(name: str, folder: Path) -> Path:
    """Write the file of the new game `name` (such as `rtt/my-game`) below the folder. Raises InputError where there is one."""
    parts = name.removesuffix(".yaml").split("/")
    if not all(part.replace("-", "").isalnum() and part == part.lower() for part in parts):
        raise InputError(name, "a game's name is small letters, digits and -, in folders by /", "Name it rtt/my-game")
    path = folder.joinpath(*parts).with_suffix(".yaml")
    title = parts[-1].replace("-", " ").capitalize()
    schema = "../" * (len(parts)) + "playbook.schema.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEXT.format(title=title, schema=schema))
    except FileExistsError:
        raise InputError(str(path), "there is a game of this name", "Give another name, or edit that file") from None
    return path
