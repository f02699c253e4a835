"""The service around a desk: its line, its application, and its metrics."""

from __future__ import annotations

from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.types import ASGIApp

from aurora_sim.treaty.serve.accounting import Accounting
from aurora_sim.treaty.serve.app import Limits, Service, make_app
from aurora_sim.treaty.serve.collector import ServiceCollector
from aurora_sim.treaty.serve.desk_thread import TICK_EVERY_S, WAITING_MAX, DeskThread
from aurora_sim.treaty.serve.meter import Meter
from aurora_sim.treaty.serve.openapi import openapi_document
from aurora_sim.treaty.serve.server import metrics_app
from aurora_sim.treaty.serve.state import AGE_MAX_S, LatestReadings
from aurora_sim.treaty.signed_order import order_schema
from aurora_sim.treaty.store.answers import SubmissionDesk


class OrderService(NamedTuple):
    """What a server needs; `line` is to be started on the server's event loop."""

    app: ASGIApp
    metrics: ASGIApp
    line: DeskThread


def order_service(
    desk: SubmissionDesk,
    meter: Meter,
    treaty_id: str,
    *,
    limits: Limits | None = None,
    waiting_max: int = WAITING_MAX,
    tick_every_s: float = TICK_EVERY_S,
    readings_age_max_s: float = AGE_MAX_S,
) -> OrderService:
    """The service of one process. `meter` is the observer that the desk was made with."""
    line = DeskThread(desk, watch=meter.batch_answered, waiting_max=waiting_max, tick_every_s=tick_every_s)
    latest = LatestReadings(desk, readings_age_max_s)
    schema = order_schema()
    app = make_app(Service(line, desk, latest, schema, openapi_document(schema), limits or Limits()))
    registry = CollectorRegistry()
    registry.register(ServiceCollector(treaty_id, meter, latest, line.__len__))
    ProcessCollector(registry=registry)
    return OrderService(Accounting(app, meter), metrics_app(registry), line)
