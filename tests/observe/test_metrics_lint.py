"""promtool finds nothing wrong with a scrape but the units in names that are fixed."""

from __future__ import annotations

import subprocess
from urllib.request import urlopen

import pytest

from aurora_sim.engine.run import Run
from aurora_sim.observe.exporter import serve

UNIT_MS = "metric names should not contain abbreviated units"
UNIT_HOURS = 'use base unit "seconds" instead of "hours"'
FIXED_BY_PRODUCTION = {
    f"gpu_hours_total {UNIT_HOURS}",
    f"policy_decision_duration_ms {UNIT_MS}",
    f"provider_latency_ms {UNIT_MS}",
    f"tenant_gpu_hours_used {UNIT_HOURS}",
    f"treaty_rtt_ms {UNIT_MS}",
}
NAMED_AFTER_THOSE = {
    f"bridge_rtt_ms {UNIT_MS}",
    f"treaty_fill_rate_gpu_hours {UNIT_HOURS}",
}


@pytest.mark.needs("promtool")
def test_promtool_complains_of_nothing_but_fixed_names(outage: Run) -> None:
    with serve(outage.recorder, outage.treaty_id, 0) as server, urlopen(server.url, timeout=10) as page:
        text = page.read()
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=30, check=False)
    assert told.stdout == b""
    assert set(told.stderr.decode().split("\n")) - {""} == FIXED_BY_PRODUCTION | NAMED_AFTER_THOSE
