"""One clone for several clients: one reply at a time, a bounded queue of requests in order."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace

import anyio

from chatclone.clone.clone import Clone, ReplyEvent
from chatclone.engines.protocol import Cancelled
from chatclone.serve.openai_format import ApiError, ReplyRequest

MOST_WAITING = 8
"""Requests waiting at most: with replies of seconds, most clients would time out behind more."""


class RequestQueue:
    """A clone and the requests that wait for it."""

    def __init__(self, clone: Clone, most_waiting: int = MOST_WAITING) -> None:
        self.clone = clone
        self._most_waiting = most_waiting
        self._waiting = 0
        self._busy = asyncio.Lock()

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent]:
        """Wait in the queue and answer; closing or cancelling this stops the engine before the next request starts."""
        if self._busy.locked() and self._waiting >= self._most_waiting:
            raise ApiError(429, f"{self._waiting} requests are waiting already", "queue_full")
        self._waiting += 1
        try:
            await self._busy.acquire()
        finally:
            self._waiting -= 1
        try:
            clone = replace(self.clone, sampling=request.sampling(self.clone.sampling, self.clone.engine.context))
            async with aclosing(_in_thread(lambda stop: clone.reply(request.turns, cancelled=stop))) as events:
                async for event in events:
                    yield event
        finally:
            self._busy.release()


async def _in_thread(begin: Callable[[Cancelled], Iterator[ReplyEvent]]) -> AsyncGenerator[ReplyEvent]:
    """Iterate in one thread, since an engine needs the same one throughout; the thread ends before this does."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[ReplyEvent | None] = asyncio.Queue()
    cancelled = threading.Event()

    def write() -> None:
        try:
            for event in begin(cancelled.is_set):
                loop.call_soon_threadsafe(events.put_nowait, event)
        finally:
            loop.call_soon_threadsafe(events.put_nowait, None)

    writing = loop.run_in_executor(None, write)
    try:
        while (event := await events.get()) is not None:
            yield event
        await writing
    finally:
        cancelled.set()
        # After a client has disconnected, the next reply must not start before the engine has stopped.
        with anyio.CancelScope(shield=True):
            await asyncio.gather(writing, return_exceptions=True)
