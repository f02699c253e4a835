"""The OpenMetrics file of a run: promtool makes blocks of it, and a Prometheus over them answers as of any minute."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from alert_runs import promtool
from exported_runs import RULES, tape
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from aurora_sim.lab.alerts.export import export
from aurora_sim.lab.alerts.tape import Tape
from aurora_sim.observe.series import METRICS, Sample

ANSWERS_WITHIN_S = 30


@pytest.fixture(scope="module")
def outage() -> Tape:
    return tape("akash-outage", 42, 60)


def value_at(recorded: Tape, minute: int, name: str) -> float:
    """A sample without other labels than the treaty's."""
    [value] = [sample.value for sample in recorded.minutes[minute][1] if sample.name == name]
    return value


def test_its_text_says_every_sample(outage: Tape, tmp_path: Path) -> None:
    export(outage, RULES, tmp_path)
    text = (tmp_path / "metrics.txt").read_text(encoding="utf-8")
    kinds = {metric.name.removesuffix("_total"): metric.kind for metric in METRICS}
    for minute in (0, 30, 60):  # the parser loses buckets where a histogram has several times in one text
        time_s, samples = outage.minutes[minute]
        at = f" {outage.start.timestamp() + time_s:.3f}"
        lines = [line for line in text.splitlines(keepends=True) if line.startswith("#") or line.rstrip().endswith(at)]
        found = []
        for family in text_string_to_metric_families("".join(lines)):
            assert family.type == kinds[family.name]
            found += [Sample(s.name, tuple(sorted(s.labels.items())), s.value) for s in family.samples]
        wanted = [Sample(s.name, tuple(sorted(s.labels)), s.value) for s in samples]
        assert sorted(found) == sorted(wanted)


@pytest.mark.needs("promtool")
@pytest.mark.needs("prometheus")
def test_a_prometheus_over_its_blocks_answers(outage: Tape, tmp_path: Path) -> None:
    export(outage, RULES, tmp_path)
    data = tmp_path / "tsdb"
    made = promtool("tsdb", "create-blocks-from", "openmetrics", tmp_path / "metrics.txt", data)
    assert made.returncode == 0, made.stdout + made.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["prometheus", "--config.file=/dev/null", f"--storage.tsdb.path={data}", "--log.level=error"]
    command += ["--storage.tsdb.retention.time=10y", f"--web.listen-address=127.0.0.1:{port}"]
    server = subprocess.Popen(command)
    try:
        for minute in (20, 38, 60):
            for name in ("treaty_fill_rate", "treaty_failover_events_total", "treaty_rtt_ms"):
                at = outage.start.timestamp() + outage.minutes[minute][0]
                assert _ask(port, name, at) == value_at(outage, minute, name), (name, minute)
    finally:
        server.kill()
        server.wait(timeout=10)


def _ask(port: int, query: str, at_s: float) -> float:
    """The answer, once the server answers at all."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': query, 'time': at_s})}"
    until_s = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        try:
            with urlopen(url, timeout=5) as answer:
                [series] = json.load(answer)["data"]["result"]
            return float(series["value"][1])
        except OSError:  # it is starting: not there yet, or 503
            pass
        assert time.monotonic() < until_s, f"no answer to {url}"
        time.sleep(0.1)
