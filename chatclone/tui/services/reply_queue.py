"""Replies, one at a time: a clone has one engine, and an engine writes one reply at once.

All methods but the writing itself run in the app's thread.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from textual.message import Message

from chatclone.clone.clone import Clone
from chatclone.clone.saved_reply import answer, begin_reply, continue_reply, explain, log_failure
from chatclone.conversations import ChatStore, Settings, StoredMessage
from chatclone.engines.protocol import Reading
from chatclone.tui.services.thread_messages import PromptRead, ReplyChanged, ReplyEnded

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that wants a reply; `settings` are for this reply only, None is as the conversation has them."""

    question: StoredMessage
    seed: int | None = None
    settings: Settings | None = None


class Replies:
    """Answers questions in the order of their conversations; questions wait until the clone is awake.

    `post` takes events from any thread, `in_thread` starts a function in one. `ready` says whether the clone is the one
    that a conversation wants; where it is not, the one that is comes awake later.
    """

    def __init__(
        self,
        store: ChatStore,
        post: Callable[[Message], bool],
        in_thread: Callable[[Callable[[], None]], object],
        ready: Callable[[int], bool] = lambda conversation: True,
    ) -> None:
        self.clone: Clone | None = None
        self.current: StoredMessage | None = None
        self._store = store
        self._post = post
        self._in_thread = in_thread
        self._ready = ready
        self._waiting: dict[int, Asked] = {}
        self._cancelled = threading.Event()

    def awake(self, clone: Clone) -> StoredMessage | None:
        """Take the loaded clone; returns the reply that begins at once, if a question waits."""
        self.clone = clone
        return self._begin_next()

    def ask(
        self, question: StoredMessage, seed: int | None = None, settings: Settings | None = None
    ) -> StoredMessage | None:
        """Have a question answered; a later one of the same conversation takes the place of one that waits."""
        self._waiting[question.conversation] = Asked(question, seed, settings)
        return self._begin_next()

    def resume(self, reply: StoredMessage) -> StoredMessage | None:
        """Let a reply that was cut go on; None while the clone is not free. ChatcloneError where it was not cut."""
        if self.current is not None or not self._ready(reply.conversation) or self.clone is None:
            return None
        return self._begin(self.clone, continue_reply(self._store, reply), None, None)

    def ended(self) -> StoredMessage | None:
        """Take note that the current reply is over; returns the next one, if a question waits."""
        self.current = None
        return self._begin_next()

    def waits(self, conversation: int) -> bool:
        """Return whether a question of this conversation waits for its turn."""
        return conversation in self._waiting

    def stop(self) -> bool:
        """Stop the current reply between two tokens; returns whether there was one."""
        self._cancelled.set()
        return self.current is not None

    def forget(self, conversation: int) -> None:
        """Drop what waits or is being written in a conversation that is deleted."""
        self._waiting.pop(conversation, None)
        if self.current is not None and self.current.conversation == conversation:
            self._cancelled.set()

    def _begin_next(self) -> StoredMessage | None:
        if self.current is not None or not self._waiting:
            return None
        first = next(iter(self._waiting))
        if not self._ready(first) or self.clone is None:
            return None
        asked = self._waiting.pop(first)
        return self._begin(self.clone, begin_reply(self._store, asked.question), asked.seed, asked.settings)

    def _begin(self, clone: Clone, reply: StoredMessage, seed: int | None, settings: Settings | None) -> StoredMessage:
        self.current = reply
        self._cancelled.clear()
        self._in_thread(lambda: self._write(clone, reply, seed, settings))
        return reply

    def _write(self, clone: Clone, reply: StoredMessage, seed: int | None, settings: Settings | None) -> None:
        """Write one reply, in a thread of its own; an error ends the reply and not the app."""
        stopped = self._cancelled.is_set
        try:
            for event in answer(clone, self._store, reply, cancelled=stopped, seed=seed, settings=settings):
                if isinstance(event, Reading):
                    self._post(PromptRead(event.done, event.total))
                else:
                    reply = event
                    self._post(ReplyChanged(reply))
        except Exception as error:
            log_failure(log, "a reply", error)
            reply = replace(reply, state="failed", stats={**reply.stats, "error": explain(error)})
        self._post(ReplyEnded(reply))
