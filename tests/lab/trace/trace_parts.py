"""Traces for the tests: made of arrays, or written as files."""

from __future__ import annotations

import numpy as np

from aurora_sim.lab.trace.trace import Trace


def a_trace(arrival_s, duration_s=60.0, gpus=1, tenants=("x",), tenant=0):
    size = len(arrival_s)

    def whole(values):
        return np.broadcast_to(np.asarray(values, dtype=np.int32), size).copy()

    return Trace(
        np.asarray(arrival_s, dtype=float),
        np.broadcast_to(np.asarray(duration_s, dtype=float), size).copy(),
        whole(gpus),
        whole(tenant),
        whole(0),
        tuple(tenants),
        ("any",),
    )
