"""Dashboards, alert rules and the runbook's `curl | grep` lines find the metrics of production, with its labels and meanings."""

from __future__ import annotations

import urllib.error
from collections.abc import Iterable
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aurora_sim.engine.run import Run
from aurora_sim.observe.exporter import serve
from aurora_sim.observe.recorder import Recorder
from aurora_sim.observe.series import METRICS, Sample, reproducible_samples, samples
from aurora_sim.scenario.errors import InputError

TREATY, PROVIDER = frozenset({"treaty_id"}), frozenset({"provider_id"})
PRODUCTION = {
    "treaty_fill_rate": ("gauge", TREATY),
    "treaty_rtt_ms": ("gauge", TREATY),
    "treaty_provenance_coverage": ("gauge", TREATY),
    "treaty_dropped_requests": ("gauge", TREATY),
    "treaty_failover_events_total": ("counter", TREATY),
    "gpu_hours_total": ("counter", frozenset()),
    "policy_decision_duration_ms_bucket": ("histogram", frozenset({"le"})),
    "policy_decision_duration_ms_sum": ("histogram", frozenset()),
    "policy_decision_duration_ms_count": ("histogram", frozenset()),
    "provider_active": ("gauge", PROVIDER),
    "provider_capacity_gpus": ("gauge", PROVIDER),
    "provider_latency_ms": ("gauge", PROVIDER),
    "provider_price_usd_per_hour": ("gauge", PROVIDER),
    "provider_reputation": ("gauge", PROVIDER),
    "tenant_gpu_hours_used": ("gauge", frozenset({"tenant_id"})),
}


def scraped(run: Run) -> dict[str, tuple[str, list[tuple[dict[str, str], float]]]]:
    """Kind and samples of each name in a scrape of a finished run."""
    with serve(run.recorder, run.treaty_id, 0) as server, urlopen(server.url, timeout=10) as page:
        text = page.read().decode()
    found: dict[str, tuple[str, list[tuple[dict[str, str], float]]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, (family.type, []))[1].append((sample.labels, sample.value))
    return found


def test_every_name_of_production_is_there_with_its_kind_and_labels(outage: Run) -> None:
    found = scraped(outage)
    for name, (kind, labels) in PRODUCTION.items():
        assert name in found, name
        assert found[name][0] == kind, name
        assert all(frozenset(given) == labels for given, _ in found[name][1]), name


def test_values_are_those_of_the_run(outage: Run) -> None:
    found, recorder, latest = scraped(outage), outage.recorder, outage.recorder.latest
    assert latest is not None
    assert latest.fill_rate is not None
    assert latest.fill_rate < 1.0
    assert found["treaty_fill_rate"][1] == [({"treaty_id": outage.treaty_id}, latest.fill_rate)]
    assert found["simulated_time_seconds"][1] == [({}, 38 * 60.0)]
    assert found["treaty_failover_events_total"][1][0][1] == recorder.failovers_total > 0
    assert found["jobs_killed_total"][1][0][1] == recorder.jobs_killed > 0
    assert sum(value for _, value in found["treaty_orders_total"][1]) == recorder.ended_total
    assert sum(value for _, value in found["provider_orders_filled_total"][1]) == sum(recorder.filled_by.values())
    within = {labels["le"]: value for labels, value in found["bridge_rtt_ms_bucket"][1]}
    assert {"350.0", "500.0", "+Inf"} <= within.keys()
    assert found["bridge_rtt_ms_count"][1][0][1] == within["+Inf"] == recorder.rtts.total
    assert list(within.values()) == sorted(within.values())


def test_an_sli_without_data_is_absent(outage: Run) -> None:
    latest = outage.recorder.latest
    assert latest is not None
    quiet = latest._replace(fill_rate=None, fill_rate_gpu_hours=None, rtt_p95_ms=None, provenance_coverage=None)
    absent = {"treaty_fill_rate", "treaty_fill_rate_gpu_hours", "treaty_rtt_ms", "treaty_provenance_coverage"}
    assert absent <= names(samples(outage.recorder, latest, "T"))
    assert not absent & names(samples(outage.recorder, quiet, "T"))


def names(found: Iterable[Sample]) -> set[str]:
    """The names of samples."""
    return {sample.name for sample in found}


def test_reproducible_samples_differ_in_the_policys_time_alone(outage: Run) -> None:
    recorder, latest = outage.recorder, outage.recorder.latest
    assert latest is not None

    def apart(found: list[Sample]) -> tuple[list[Sample], list[Sample]]:
        policy = [sample for sample in found if sample.name.startswith("policy_decision_duration_ms")]
        return policy, [sample for sample in found if sample not in policy]

    measured, others = apart(list(samples(recorder, latest, "T")))
    waited, same = apart(list(reproducible_samples(recorder, latest, "T")))
    assert others == same
    assert measured[-1] == waited[-1], "the number of decisions is the same"
    assert {sample.value for sample in waited} == {0.0, waited[-1].value}, "nobody waits in this scenario"


def test_only_the_wanted_metrics_are_read(outage: Run) -> None:
    recorder, latest = outage.recorder, outage.recorder.latest
    assert latest is not None
    wanted = {"treaty_rtt_ms", "bridge_rtt_ms_bucket"}
    found = list(reproducible_samples(recorder, latest, "T", wanted))
    assert names(found) == {"treaty_rtt_ms", "bridge_rtt_ms_bucket", "bridge_rtt_ms_sum", "bridge_rtt_ms_count"}
    assert set(found) < set(reproducible_samples(recorder, latest, "T"))


def test_the_table_has_each_name_once() -> None:
    listed = [name for metric in METRICS for name in metric.sample_names]
    assert len(listed) == len(set(listed))
    assert all(metric.name.endswith("_total") == (metric.kind == "counter") for metric in METRICS)


def test_before_the_first_step_there_is_nothing_and_elsewhere_there_is_only_a_hint() -> None:
    with serve(Recorder(None), "T", 0) as server:
        with urlopen(server.url, timeout=10) as page:
            assert page.read() == b""
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urlopen(server.url + "/all", timeout=10)


def test_a_port_in_use_is_told_with_its_mend() -> None:
    with (
        serve(Recorder(None), "T", 0) as server,
        pytest.raises(InputError, match=rf"127\.0\.0\.1:{server.port}: the port is in use\. Give another"),
    ):
        serve(Recorder(None), "T", server.port)
    server.close()  # a second time does nothing
    serve(Recorder(None), "T", server.port).close()


@pytest.mark.parametrize(
    ("port", "address"), [(70000, "127.0.0.1"), (-1, "127.0.0.1"), (0, "192.0.2.1"), (0, "no such host")]
)
def test_whatever_cannot_be_listened_on_is_an_input_error(port: int, address: str) -> None:
    with pytest.raises(InputError):
        serve(Recorder(None), "T", port, address)
