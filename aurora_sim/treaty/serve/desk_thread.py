"""The desk's thread: whoever waits is answered together, in one transaction of the desk."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from aurora_sim.treaty.store.answers import Answer, StoreUnavailable, Submission, SubmissionDesk

BATCH_MAX: Final = 64
WAITING_MAX: Final = 512
"""Orders that may wait: about a second of work. Who comes later is told at once to come back, and not after its time limit."""
TICK_EVERY_S: Final = 10.0
RETRY_AFTER_S: Final = 1.0

_log = logging.getLogger(__name__)


class LineFull(Exception):  # noqa: N818  (the state of the line, as the client is told it)
    """As many orders wait as may, or the desk is closing."""


class Waiting:
    """One submission in the line: waiting, then at the desk, then answered; or given up while it waited."""

    __slots__ = ("answer", "at_desk", "received_s", "submission")

    def __init__(self, submission: Submission, answer: asyncio.Future[Answer]) -> None:
        self.submission = submission
        self.answer = answer
        self.received_s = time.perf_counter()
        self.at_desk = False


class DeskThread:
    """One thread that owns the desk; it runs from `start` to `close`.

    It takes all who wait, up to `batch_max`, and calls `desk.submit` once for them: while the database makes one batch
    durable, the next one gathers, so that a disk that needs 5 ms for a commit still serves thousands of orders a second.
    Between batches, every `tick_every_s`, the desk's
    `tick` runs. `watch` is told of each batch: the answers, and
    for how long each one's submission waited for it, in seconds.

    Everything but `start` and `close` is called on the event loop's thread.
    """

    def __init__(
        self,
        desk: SubmissionDesk,
        *,
        watch: Callable[[Sequence[Answer], Sequence[float]], None] = lambda answers, waits_s: None,
        waiting_max: int = WAITING_MAX,
        batch_max: int = BATCH_MAX,
        tick_every_s: float = TICK_EVERY_S,
    ) -> None:
        self._desk = desk
        self._watch = watch
        self._waiting_max = waiting_max
        self._batch_max = batch_max
        self._tick_every_s = tick_every_s
        self._line: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer, on that loop."""
        self._loop = loop
        self._thread.start()

    def close(self, timeout_s: float = 30.0) -> None:
        """Let nobody in any more, answer all who wait, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive() and not self._closing

    def __len__(self) -> int:
        """How many wait."""
        return len(self._line)

    def enter(self, submission: Submission) -> Waiting:
        """Stand in the line. Raises `LineFull`."""
        assert self._loop is not None, "the desk's thread has not been started"
        waiting = Waiting(submission, self._loop.create_future())
        with self._changed:
            if self._closing or len(self._line) >= self._waiting_max:
                raise LineFull
            self._line.append(waiting)
            self._changed.notify()
        return waiting

    def leave(self, waiting: Waiting) -> bool:
        """Give up; whether that came in time. If not, the submission is at the desk and will be decided."""
        with self._changed:
            if waiting.at_desk:
                return False
            self._line.remove(waiting)
            return True

    def _run(self) -> None:
        tick_at_s = time.monotonic() + self._tick_every_s
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._line or self._closing, max(0.0, tick_at_s - time.monotonic()))
                batch = [self._line.popleft() for _ in range(min(len(self._line), self._batch_max))]
                for waiting in batch:
                    waiting.at_desk = True
                if not batch and self._closing:
                    return
            if batch:
                self._answer(batch)
            if time.monotonic() >= tick_at_s:
                self._call_tick()
                tick_at_s = time.monotonic() + self._tick_every_s

    def _call_tick(self) -> None:
        try:
            self._desk.tick(time.time())
        except StoreUnavailable as unavailable:
            _log.warning("the provenance guard could not look (%s); it is tried again", unavailable)
        except Exception:
            _log.exception("the provenance guard failed; it is tried again")

    def _answer(self, batch: Sequence[Waiting]) -> None:
        try:
            answers = self._desk.submit([waiting.submission for waiting in batch], time.time())
            assert len(answers) == len(batch), "the desk owes each submission one answer"
        except Exception:
            # Nothing is known of these orders, so nothing is promised: whoever sends one again learns what became of it.
            _log.exception("the desk failed over a batch of %d", len(batch))
            answers = [desk_failed() for _ in batch]
        now_s = time.perf_counter()
        self._watch(answers, [now_s - waiting.received_s for waiting in batch])
        assert self._loop is not None
        try:
            # One call for the batch: each one wakes the loop through a socket.
            self._loop.call_soon_threadsafe(_deliver, batch, answers)
        except RuntimeError:  # the loop is closed: its clients are gone
            return


def desk_failed() -> Answer:
    """What is answered where the desk could not decide."""
    message = "The order could not be decided; send the very same order again to learn what became of it"
    return Answer(503, {"error": "desk_failed", "message": message}, RETRY_AFTER_S)


def _deliver(batch: Sequence[Waiting], answers: Sequence[Answer]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(answer)
