"""A clone that several clients talk to: one reply at a time, the next ones wait in order, and not too many of them."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace

import anyio

from chatclone.clone.clone import Clone, ReplyEvent
from chatclone.engines.protocol import Cancelled
from chatclone.serve.openai_format import ApiError, Ask

MOST_WAITING = 8
"""Requests that wait for their turn; with replies of seconds, one behind them would outlast most clients' patience."""


class Desk:
    """One clone, and the line before it."""

    def __init__(self, clone: Clone, most_waiting: int = MOST_WAITING) -> None:
        self.clone = clone
        self._most_waiting = most_waiting
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def reply(self, ask: Ask) -> AsyncGenerator[ReplyEvent]:
        """Wait for the turn and answer; being closed or cancelled at any point stops the engine, then ends the turn."""
        if self._turn.locked() and self._waiting >= self._most_waiting:
            raise ApiError(429, f"{self._waiting} requests are waiting already", "queue_full")
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            sampling = ask.applied(self.clone.sampling, self.clone.engine.context)
            clone = replace(self.clone, sampling=sampling)
            async with aclosing(_in_thread(lambda cancelled: clone.reply(ask.turns, cancelled=cancelled))) as events:
                async for event in events:
                    yield event
        finally:
            self._turn.release()


async def _in_thread(begin: Callable[[Cancelled], Iterator[ReplyEvent]]) -> AsyncGenerator[ReplyEvent]:
    """Iterate in one thread, since an engine wants the same one throughout, and stop there before this ends."""
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
        # A client that has left must not let the next reply begin before the engine has stopped.
        with anyio.CancelScope(shield=True):
            await asyncio.gather(writing, return_exceptions=True)
