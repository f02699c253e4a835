"""What a playbook must not say: names that lead nowhere, and steps that could never be due."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from aurora_sim.scenario.actions import ACTIONS
from aurora_sim.scenario.composer import Keys
from aurora_sim.scenario.config import World
from aurora_sim.scenario.document import Document
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.scenario.faults import BadRequests, DemandChange, Fault
from aurora_sim.scenario.playbook import TOTALS, Condition, Expectation, Playbook, Step
from aurora_sim.scenario.strict import Strict
from aurora_sim.scenario.validation import validate

STEP_S: Final = 60.0
SHARES: Final = ("fill_rate", "fill_rate_gpu_hours", "provenance_coverage", "tenant_served", "provider_active")
QUERIES: Final = ("never", "share", "of_orders")
QUERY_KEYS: Final = ("outcome", "reason", "provider", "tenant", "workload", "source")
OUTCOMES: Final = ("filled", "rejected", "denied", "unroutable", "undelivered", "refused", "expired")


def check_playbook(
    document: Document,
    playbook: Playbook,
    world: World,
    faults: Sequence[tuple[str, Fault]],
    alerts: Mapping[str, float] | None,
) -> None:
    """Raise an InputError for the first thing that leads nowhere. `alerts` None: alerts' names are not checked."""
    _Check(document, playbook, world, faults, alerts).all()


def arguments(step: Step) -> Strict:
    """The step's `with`, as its action's model. Raises pydantic's ValidationError; a checked playbook's are good."""
    return ACTIONS[step.do].model_validate(step.with_)


class _Check:
    def __init__(
        self,
        document: Document,
        playbook: Playbook,
        world: World,
        faults: Sequence[tuple[str, Fault]],
        alerts: Mapping[str, float] | None,
    ) -> None:
        self._document = document
        self._playbook = playbook
        self._alerts = alerts
        self._faults = dict(faults)
        self._end_s = playbook.steps * STEP_S
        self._takes = world.operators.takes
        self._world = world
        self._names: dict[str, Collection[str]] = {
            "provider": world.providers,
            "bridge": world.bridges,
            "tenant": world.tenants,
            "workload": world.workloads,
            "gpu_type": world.price_limits,
        }

    def all(self) -> None:
        self._method()
        for part in ("response", "rollbacks"):
            self._steps(part, getattr(self._playbook, part))
        if self._playbook.stop_when is not None:
            self._condition(self._playbook.stop_when, ("stop-when",))
        for number, expectation in enumerate(self._playbook.expect):
            self._expectation(expectation, ("expect", number))

    def _refuse(self, keys: Keys, what: str, mend: str) -> None:
        raise InputError(self._document.where(keys), what, mend)

    def _known(self, keys: Keys, kind: str, given: str | None, names: Collection[str]) -> None:
        if given is not None and given not in names:
            self._refuse(keys, f"there is no {kind.replace('_', ' ')} {given!r}", did_you_mean(given, names))

    def _method(self) -> None:
        for number, entry in enumerate(self._playbook.method):
            if entry.at >= self._end_s:
                self._never(("method", number, "at"), "it begins", entry.at)

    # Steps.

    def _steps(self, part: str, steps: Sequence[Step]) -> None:
        names: set[str] = set()
        before_s = 0.0
        for number, step in enumerate(steps):
            keys: Keys = (part, number)
            if step.id in names:
                self._refuse((*keys, "id"), f"two steps of the {part} are called {step.id}", "Rename one")
            if step.id is not None:
                names.add(step.id)
            self._with(step, (*keys, "with"))
            if step.when is not None:
                self._condition(step.when, (*keys, "when"))
                due_s = self._earliest(step.when)
            elif step.at is not None:
                due_s = step.at
            elif number == 0:
                self._refuse(keys, "nothing makes the first step due", "Give it at or when")
            else:
                due_s = before_s
            due_s += step.after if isinstance(step.after, float) else 0.0
            if due_s >= self._end_s:
                key = "at" if step.at is not None else "when" if step.when is not None else "do"
                self._never((*keys, key), "it would be begun", due_s)
            before_s = due_s + (self._takes[step.do] if step.takes is None else step.takes)

    def _with(self, step: Step, keys: Keys) -> None:
        """The arguments by their action's model, each error at its own place in the file, then the names in them."""
        part = Document(self._document.path, step.with_, {}, "", {(): (self._document, keys)})
        given = validate(part, ACTIONS[step.do])
        for field, value in given:
            if field == "weights":
                for provider_id in value:
                    self._known((*keys, field, provider_id), "provider", provider_id, self._world.providers)
            elif field == "gpu_types":
                for place, gpu_type in enumerate(value):
                    self._known((*keys, field, place), "gpu_type", gpu_type, self._names["gpu_type"])
            elif field in self._names:
                self._known((*keys, field), field, value, self._names[field])
        if step.do == "failover-bridge" and self._world.bridges[step.with_["bridge"]].failover is None:
            self._refuse((*keys, "bridge"), f"{step.with_['bridge']} has no failover bridge", "Name one that has")

    # Conditions.

    def _condition(self, condition: Condition, keys: Keys) -> None:
        self._known((*keys, "provider"), "provider", condition.provider, self._world.providers)
        self._known((*keys, "tenant"), "tenant", condition.tenant, self._world.tenants)
        self._alert(condition.alert, keys)
        if condition.metric is not None:
            self._reachable(condition.metric, condition.below, condition.above, keys)
        if self._earliest(condition) >= self._end_s:
            key = "active-for" if condition.active_for is not None else "for" if condition.for_s else "alert"
            self._never((*keys, key), "it could hold", self._earliest(condition))

    def _earliest(self, condition: Condition) -> float:
        """The least time at which it can hold, in seconds from the start."""
        pending_s = (self._alerts or {}).get(condition.alert or "", 0.0)
        return max(condition.active_for or 0.0, condition.for_s + pending_s)

    def _alert(self, alert: str | None, keys: Keys) -> None:
        if alert is None or self._alerts is None:
            return
        self._known((*keys, "alert"), "alert", alert, self._alerts)
        if self._alerts[alert] >= self._end_s:
            self._never((*keys, "alert"), f"{alert} could fire", self._alerts[alert])

    def _reachable(self, metric: str, below: float | None, above: float | None, keys: Keys) -> None:
        most = 1.0 if metric in SHARES else 100.0 if metric == "provider_reputation" else None
        if below is not None and below <= 0.0:
            self._refuse((*keys, "below"), f"{metric} is never below {below:g}", "Give a bound above 0")
        if above is not None and most is not None and above >= most:
            self._refuse((*keys, "above"), f"{metric} is never above {above:g}", f"Give a bound below {most:g}")

    def _never(self, keys: Keys, what: str, at_s: float) -> None:
        self._refuse(
            keys,
            f"{what} at {at_s / 60.0:g} min at the earliest, and the game ends at {self._end_s / 60.0:g} min",
            "Let it come earlier, or give the game more steps",
        )

    # Expectations.

    def _expectation(self, expected: Expectation, keys: Keys) -> None:
        self._known((*keys, "provider"), "provider", expected.provider, self._world.providers)
        self._known((*keys, "tenant"), "tenant", expected.tenant, self._world.tenants)
        self._alert(expected.alert, keys)
        self._known((*keys, "of"), "fault", expected.of, self._faults)
        self._known((*keys, "while"), "fault", expected.while_, self._faults)
        self._known((*keys, "total"), "total", expected.total, TOTALS)
        steps = {step.do for step in (*self._playbook.response, *self._playbook.rollbacks)}
        if expected.action is not None and expected.action not in steps:
            known = expected.action in ACTIONS
            what = f"no step does {expected.action!r}" if known else f"there is no action {expected.action!r}"
            self._refuse((*keys, "action"), what, did_you_mean(expected.action, steps if known else ACTIONS))
        if expected.from_s is not None and expected.from_s >= self._end_s:
            self._never((*keys, "from"), "it begins", expected.from_s)
        if expected.until is not None and expected.until <= (expected.from_s or 0.0):
            self._refuse((*keys, "until"), "until is not after from", "Give a later time")
        for field in QUERIES:
            query = getattr(expected, field)
            key = field.replace("_", "-")
            if query is not None:
                self._query(query, (*keys, key))

    def _query(self, query: Mapping[str, str], keys: Keys) -> None:
        if not query:
            self._refuse(keys, "it matches every order", f"Give at least one of {', '.join(QUERY_KEYS)}")
        for key, value in query.items():
            if key not in QUERY_KEYS:
                self._refuse((*keys, key), f"orders are not matched by {key!r}", did_you_mean(key, QUERY_KEYS))
            names: Collection[str] | None = self._names.get(key)
            if key == "outcome":
                names = OUTCOMES
            elif key == "source":
                names = [*self._sources(), "honest", "bad"]
            if names is not None:
                self._known((*keys, key), key, value, names)

    def _sources(self) -> Iterator[str]:
        return (name for name, fault in self._faults.items() if isinstance(fault, DemandChange | BadRequests))
