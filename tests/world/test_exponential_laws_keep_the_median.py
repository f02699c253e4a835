"""GPU-hours and relaying may be exponential in place of log-normal: of the same median, with all other draws left as they were."""

from __future__ import annotations

import math

import numpy as np
from bridge_traffic import a_bridge
from scipy import stats
from world_parts import HOUR_S, a_config, drafts

MEAN_OVER_MEDIAN = 1.0 / math.log(2.0)


def test_gpu_hours_are_exponential_of_the_same_median():
    document = a_config()
    exponential = a_config(workloads={"general_compute": {"gpu_hours_law": "exponential"}})
    plain, changed = (drafts(config, 3, 20 * HOUR_S)["tenant-dao"] for config in (document, exponential))
    assert len(changed) == len(plain) > 5000
    median_h = document.workloads["general_compute"].gpu_hours_median
    hours = [order.gpu_hours for order in changed if order.workload == "general_compute"]
    assert stats.kstest(np.array(hours) / (median_h * MEAN_OVER_MEDIAN), "expon").pvalue > 1e-4
    for before, after in zip(plain, changed, strict=True):
        assert after._replace(gpu_hours=0.0) == before._replace(gpu_hours=0.0)
        assert after.gpu_hours == before.gpu_hours or after.workload == "general_compute"


def test_relaying_is_exponential_of_the_same_median_and_the_same_draw():
    draws = np.random.default_rng(4).standard_normal(20_000).tolist()
    bridge = a_bridge(1000, service_law="exponential", service_median_ms=1000.0)
    messages = [send_raw(bridge, 10.0 * n, draw) for n, draw in enumerate(draws)]
    took_s = np.array([message.finish_s - message.start_s for message in messages])
    assert stats.kstest(took_s / MEAN_OVER_MEDIAN, "expon").pvalue > 1e-4
    assert np.all(np.diff(took_s[np.argsort(draws)]) >= 0), "a worse draw is a longer relay, whatever the law"
    assert send_raw(bridge, 1e7, 0.0).service_s == 1.0


def send_raw(bridge, now_s, service):
    return bridge.send(object(), now_s, math.inf, (0.0, 0.0, service, 0.99, 0.99), 0.0)
