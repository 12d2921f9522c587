"""Events of a thread, taken together: the one who reads is woken by time, not by every event."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

ASK_SECONDS = 0.2
"""The longest that the reader sleeps at once."""

Event = TypeVar("Event")
Asked = Callable[[], bool]


class Stream(Generic[Event]):
    """A generator that runs in a thread of its own; as a context it is stopped and waited for at the end.

    `produce` gets a function that says when to stop, which it must ask now and then.
    """

    def __init__(self, produce: Callable[[Asked], Iterator[Event]], stopped: Asked) -> None:
        self._produce = produce
        self._stopped = stopped
        self._left = threading.Event()
        self._ended = threading.Event()
        self._news = threading.Event()
        self._waiting: deque[Event] = deque()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="reply", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._left.set()
        while self._thread.is_alive():
            self._thread.join(ASK_SECONDS)

    def batches(self, seconds: float, patient: Callable[[Event], bool]) -> Iterator[list[Event]]:
        """Yield events as they come; `patient` ones at least `seconds` after the batch before, with what joined them.

        An error of the generator is raised after the events before it.
        """
        last = 0.0
        while True:
            while not self._news.wait(ASK_SECONDS):
                pass  # Windows delivers Ctrl+C only between two waits
            self._news.clear()
            if self._waiting and patient(self._waiting[0]):
                self._ended.wait(max(0.0, last + seconds - time.monotonic()))
            ended = self._ended.is_set()
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            last = time.monotonic()
            if batch:
                yield batch
            if ended:
                break
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for event in self._produce(lambda: self._left.is_set() or self._stopped()):
                self._waiting.append(event)
                self._news.set()
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()
            self._news.set()


def in_thread(produce: Callable[[Asked], Iterator[Event]], stopped: Asked) -> Stream[Event]:
    """Return a stream of what `produce` yields; it ends early when `stopped` says so or the stream is left."""
    return Stream(produce, stopped)
