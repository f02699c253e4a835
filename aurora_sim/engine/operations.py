"""The operators of a game: they see what is recorded, come when they can, and work on one step at a time.

waiting --trigger holds--> due --somebody is there--> ready --hands free--> in work --takes--> done: the lever moves
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import simpy

from aurora_sim.observe.game_record import ActionDone
from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.playbook import Condition, Playbook, Step
from aurora_sim.scenario.playbook_check import arguments
from aurora_sim.scenario.strict import Strict
from aurora_sim.world.operators import Operators
from aurora_sim.world.streams import Streams

INCIDENTS_APART: Final = 1000
"""A step that comes again is another incident: its draws are so far from those of its last time, beyond any other step's."""
Part = Literal["response", "rollback"]
Pull = Callable[[str, Strict], tuple[str, float]]
"""(action, arguments) -> (why it did nothing, or empty; seconds that it goes on by itself)."""
Seen = Mapping[str, float | None]
"""By `name` or `name{subject}`, as recorded at the end of a step."""


class Trigger:
    """Whether a condition has held for long enough, minute by minute. Values that are not there are no evidence: it begins anew."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        self._for_s = condition.for_s if condition.active_for is None else condition.active_for
        self._since_s: float | None = None
        subject = condition.tenant or condition.provider
        metric = "provider_active" if condition.active_for is not None else condition.metric
        self._name = f"{metric}{{{subject}}}" if subject else str(metric)

    def rests(self, seen: Seen, firing: Mapping[str, float]) -> bool:
        """Whether it does not hold now, however long it may have; what comes then is anew."""
        if self._now(seen, firing):
            return False
        self._since_s = None
        return True

    def holds(self, now_s: float, seen: Seen, firing: Mapping[str, float]) -> bool:
        """Look once a minute; `firing` are the alerts that fire, with when they began to."""
        if self.rests(seen, firing):
            return False
        if self._since_s is None:
            self._since_s = now_s
        return now_s - self._since_s >= self._for_s

    def _now(self, seen: Seen, firing: Mapping[str, float]) -> bool:
        condition = self._condition
        if condition.alert is not None:
            return condition.alert in firing
        value = seen.get(self._name)
        if value is None:
            return False
        if condition.active_for is not None:
            return value > 0.0
        if condition.below is not None:
            return value < condition.below
        return condition.above is not None and value > condition.above


@dataclass
class _Task:
    """A step on its way. `by` is who works on it, once that is known; `times` how often it was done."""

    part: Part
    number: int
    name: str
    step: Step
    trigger: Trigger | None
    by: Literal["first", "second", "automatic"] = "first"
    due_s: float = math.nan
    ready_s: float = math.nan
    began_s: float = math.nan
    state: Literal["waiting", "due", "ready", "in work", "done", "dropped"] = "waiting"
    times: int = 0

    @property
    def incident(self) -> int:
        """Its number among the incidents of its part, another each time."""
        return self.number + INCIDENTS_APART * self.times


class Operations:
    """The response and the rollbacks of one game.

    `observe` is to be called each minute, after the alert rules. Rollbacks are looked at only when something of the response
    was done (or when there is none), and what they wait for counts from then on.
    """

    def __init__(self, playbook: Playbook, config: WorldConfig, streams: Streams, env: simpy.Environment, pull: Pull):
        self._env = env
        self._pull = pull
        self._takes = config.operators.takes
        self._people = Operators(config.operators.response[playbook.severity], streams)
        self._response = _tasks("response", playbook.response)
        self._rollbacks = _tasks("rollback", playbook.rollbacks)
        self._ready: list[_Task] = []
        self._at_work: _Task | None = None
        self._aborted = False
        self._armed = not self._response
        self.done: list[ActionDone] = []
        for task in self._response:
            self._schedule(task)
        if self._armed:
            self._arm()

    @property
    def rolled_back(self) -> bool:
        """Whether every rollback is done, and nobody is at work."""
        return self._at_work is None and all(task.state == "done" for task in self._rollbacks)

    def observe(self, now_s: float, seen: Seen, firing: Mapping[str, float]) -> None:
        """Look at what was recorded: steps whose trigger holds for the first time are due."""
        if self._aborted:
            return
        for task in (*self._response, *(self._rollbacks if self._armed else ())):
            if task.trigger is None:
                continue
            if task.state == "waiting" and task.trigger.holds(now_s, seen, firing):
                self._due(task)
            elif (
                task.state == "done"
                and task.step.again
                and task.part == "response"
                and task.trigger.rests(seen, firing)
            ):
                self._wait_again(task)

    def abort(self) -> None:
        """The game is stopped: no further step of the response is begun, and all rollbacks are due, one after the other."""
        self._aborted = True
        for task in self._response:
            if task.state in ("waiting", "due", "ready"):
                task.state = "dropped"
        self._ready = [task for task in self._ready if task.part == "rollback"]
        for task in self._rollbacks:
            if task.state in ("waiting", "due"):
                task.due_s = self._env.now
                self._is_ready(task)

    # What becomes of a step.

    def _schedule(self, task: _Task) -> None:
        """A step with a time of its own is due then."""
        if task.step.at is not None and task.state == "waiting":
            self._later(max(0.0, task.step.at - self._env.now), lambda: self._due(task))

    def _arm(self) -> None:
        self._armed = True
        for task in self._rollbacks:
            self._schedule(task)

    def _due(self, task: _Task, by: Literal["first", "second", "automatic"] = "first") -> None:
        if task.state != "waiting":
            return
        task.state, task.due_s, task.by = "due", self._env.now, by
        wait_s = task.step.after
        if wait_s == "response-time":
            wait_s, task.by = self._people.response(task.part, task.incident)
        elif wait_s == 0.0 and self._duration_s(task) == 0.0:
            task.by = "automatic"
        self._later(wait_s, lambda: self._is_ready(task))

    def _is_ready(self, task: _Task) -> None:
        if task.state in ("ready", "in work", "done", "dropped"):
            return
        task.state, task.ready_s = "ready", self._env.now
        self._ready.append(task)
        self._work()

    def _work(self) -> None:
        """Begin the step that has been ready for longest, if nobody is at work."""
        if self._at_work is not None or not self._ready:
            return
        task = self._at_work = self._ready.pop(0)
        task.state, task.began_s = "in work", self._env.now
        self._later(self._duration_s(task), lambda: self._finish(task))

    def _finish(self, task: _Task) -> None:
        refused, goes_on_s = self._pull(task.step.do, arguments(task.step))
        task.state = "done"
        task.times += 1
        self._at_work = None
        done_s = self._env.now + goes_on_s
        self.done.append(
            ActionDone(
                task.name, task.part, task.step.do, task.due_s, task.ready_s, task.began_s, done_s, task.by, refused
            )
        )
        if not self._armed:
            self._arm()
        elif task.part == "response":
            for rollback in self._rollbacks:
                if rollback.state == "done" and rollback.step.again:
                    self._wait_again(rollback)
        after = self._after(task)
        if after is not None and not self._aborted:
            if after.state == "done":
                self._wait_again(after)
            self._later(goes_on_s, lambda: self._due(after, task.by))
        self._work()

    def _after(self, task: _Task) -> _Task | None:
        """The step that is due when this one is done, if there is one."""
        tasks = self._response if task.part == "response" else self._rollbacks
        following = tasks[task.number + 1] if task.number + 1 < len(tasks) else None
        return following if following is not None and following.trigger is None and following.step.at is None else None

    def _wait_again(self, task: _Task) -> None:
        """It waits for its trigger to hold anew."""
        task.state = "waiting"
        task.trigger = None if task.step.when is None else Trigger(task.step.when)

    def _duration_s(self, task: _Task) -> float:
        return self._takes[task.step.do] if task.step.takes is None else task.step.takes

    def _later(self, delay_s: float, then: Callable[[], object]) -> None:
        def act(_: object) -> None:
            then()

        self._env.timeout(delay_s).callbacks.append(act)


def _tasks(part: Part, steps: Sequence[Step]) -> list[_Task]:
    """A task for each step, called by its id or its action, with `-2`, `-3` for those that would be equal."""
    tasks: list[_Task] = []
    seen: dict[str, int] = {}
    for number, step in enumerate(steps):
        base = step.id or step.do
        seen[base] = seen.get(base, 0) + 1
        name = base if seen[base] == 1 else f"{base}-{seen[base]}"
        tasks.append(_Task(part, number, name, step, None if step.when is None else Trigger(step.when)))
    return tasks
