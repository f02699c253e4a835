"""The desk's thread: whoever waits is answered together, in one transaction of the desk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
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
TURNS: Final = 3
"""Turns of the loop from an answer until it is written and the requests that came in meanwhile stand in the line."""
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
    """The line, and the one thread that owns the desk; it answers from `start` to `close`.

    All who wait, up to `batch_max`, go to the desk together, and it answers them in one transaction: while the database
    makes one batch durable, the next one gathers. Every `tick_every_s` the desk's `tick` runs between two batches.
    `watch` is told of each batch: the answers, and for how long each one's submission waited for it, in seconds.

    The line is the event loop's: everything here is called on the loop's thread, and only the desk runs on the other.
    The loop hands the next batch over when it has written the last one's answers and has read what had come in. Were
    the thread to help itself, it would take the interpreter's lock again before the loop could read: measured with 16
    clients, 7 orders to a commit instead of 12.
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
        self._busy = False  # a batch is at the desk
        self._planned = False  # a batch is about to be handed over
        self._closing = False
        self._loop: asyncio.AbstractEventLoop
        self._batches: queue.SimpleQueue[Sequence[Waiting] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer, on that loop."""
        self._loop = loop
        self._thread.start()

    async def close(self, timeout_s: float) -> None:
        """Let nobody in any more, answer all who wait, and end; what hangs is left behind when the time is over."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._line or self._busy:
                    await asyncio.sleep(0.005)
                self._batches.put(None)
                await asyncio.to_thread(self._thread.join, timeout_s)

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive() and not self._closing

    def __len__(self) -> int:
        """How many wait."""
        return len(self._line)

    def enter(self, submission: Submission) -> Waiting:
        """Stand in the line. Raises `LineFull`."""
        if self._closing or len(self._line) >= self._waiting_max:
            raise LineFull
        waiting = Waiting(submission, self._loop.create_future())
        self._line.append(waiting)
        self._plan()
        return waiting

    def leave(self, waiting: Waiting) -> bool:
        """Give up; whether that came in time. If not, the submission is at the desk, or was, and is decided."""
        if waiting.at_desk:
            return False
        self._line.remove(waiting)
        return True

    def _plan(self) -> None:
        if self._line and not self._busy and not self._planned:
            self._planned = True
            self._loop.call_soon(self._hand_over, TURNS)

    def _hand_over(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._hand_over, turns - 1)
            return
        self._planned = False
        batch = [self._line.popleft() for _ in range(min(len(self._line), self._batch_max))]
        if not batch:  # they gave up
            return
        for waiting in batch:
            waiting.at_desk = True
        self._busy = True
        self._batches.put(batch)

    def _deliver(self, batch: Sequence[Waiting], answers: Sequence[Answer]) -> None:
        self._busy = False
        for waiting, answer in zip(batch, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)
        self._plan()

    # On the desk's thread.

    def _run(self) -> None:
        tick_at_s = time.monotonic() + self._tick_every_s
        while True:
            batch: Sequence[Waiting] | None = ()
            with contextlib.suppress(queue.Empty):
                batch = self._batches.get(timeout=max(0.0, tick_at_s - time.monotonic()))
            if batch is None:
                return
            if batch:
                answers = self._answer(batch)
                try:
                    # One call for the batch: each one wakes the loop through a socket.
                    self._loop.call_soon_threadsafe(self._deliver, batch, answers)
                except RuntimeError:  # the loop is closed: its clients are gone
                    return
            if time.monotonic() >= tick_at_s:
                self._call_tick()
                tick_at_s = time.monotonic() + self._tick_every_s

    def _answer(self, batch: Sequence[Waiting]) -> Sequence[Answer]:
        try:
            answers = self._desk.submit([waiting.submission for waiting in batch], time.time())
            assert len(answers) == len(batch), "the desk owes each submission one answer"
        except Exception:
            # Nothing is known of these orders, so nothing is promised: whoever sends one again learns what became of it.
            _log.exception("the desk failed over a batch of %d", len(batch))
            answers = [desk_failed() for _ in batch]
        now_s = time.perf_counter()
        self._watch(answers, [now_s - waiting.received_s for waiting in batch])
        return answers

    def _call_tick(self) -> None:
        try:
            self._desk.tick(time.time())
        except StoreUnavailable as unavailable:
            _log.warning("the provenance guard could not look (%s); it is tried again", unavailable)
        except Exception:
            _log.exception("the provenance guard failed; it is tried again")


def desk_failed() -> Answer:
    """What is answered where the desk could not decide."""
    message = "The order could not be decided; send the very same order again to learn what became of it"
    return Answer(503, {"error": "desk_failed", "message": message}, RETRY_AFTER_S)
