"""A reply of the clone, saved while it grows: what the app and the plain chat have in common.

Pieces are saved and handed on together, `SAVE_SECONDS` apart at most, and saved first: whatever was on a screen is in
the file. The engine writes in a thread of its own, so that the last piece does not wait for the next one.
"""

import logging
import random
import traceback
from collections.abc import Generator
from dataclasses import asdict, replace
from weakref import WeakKeyDictionary

from chatclone.clone.chat_notes import remember_question
from chatclone.clone.clone import Clone, Recalled, Reply, ReplyEvent
from chatclone.clone.continuation import Continuing
from chatclone.clone.event_stream import in_thread
from chatclone.conversations import ChatStore, Origin, Settings, State, StoredMessage
from chatclone.engines.protocol import Cancelled, Engine, Piece, Reading
from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message
from chatclone.prompt.render import ChatMessage, PromptError, TooLong
from chatclone.recall.visibility import may_tell

SAVE_SECONDS = 0.1
"""How far apart a growing reply is saved and shown: ten times a second looks steady at any speed."""
LEAST_TURN_TOKENS = 4
"""Tokens of the shortest turn with what a template puts around it."""
LARGEST_SEED = 2**31 - 1

_strengths: "WeakKeyDictionary[Engine, float]" = WeakKeyDictionary()
"""What conversations have set on an engine; setting it anew would cost what the engine has read."""


def begin_reply(store: ChatStore, question: StoredMessage) -> StoredMessage:
    """Save the place where the reply to `question` will stand, so that what is sent meanwhile comes after it.

    Where there is a reply already, this one is another version beside it.
    """
    return store.add(question.conversation, "assistant", "", parent=question.id, state="writing")


def continue_reply(store: ChatStore, reply: StoredMessage) -> StoredMessage:
    """Take up a reply that was cut off, so that `answer` lets it grow on; ChatcloneError where it was not."""
    return store.reopen(reply)


def turns_of(branch: list[StoredMessage]) -> list[ChatMessage]:
    """Return a branch as the model sees it; a reply that never got a word is left out."""
    return [ChatMessage(m.role, m.text) for m in branch if m.text.strip()]


def answer(
    clone: Clone,
    store: ChatStore,
    reply: StoredMessage,
    *,
    cancelled: Cancelled,
    seed: int | None = None,
    settings: Settings | None = None,
) -> Generator[StoredMessage | Reading, None, None]:
    """Write a begun reply, as its conversation is set or as `settings` say this once; yield it after every change.

    The last one yielded is done, cut at the length limit, or cancelled. An error of the engine is saved as a failed
    reply, with what it had written, and raised; being closed or interrupted is saved as cancelled. A reply that has
    text already goes on after it.
    """
    growing = _Growing(reply)
    try:
        branch = _before(reply, store, clone.engine.context)
        settings = settings or store.settings(reply.conversation)
        clone = clone_as_set(clone, settings)
        if growing.begun:
            clone = replace(clone, engine=Continuing(clone.engine, growing.begun))
        seed = _seed(clone, seed)
        growing.reply = replace(reply, origin=origin_of(clone, settings, seed))
        asked = in_thread(lambda stop: clone.reply(turns_of(branch), cancelled=stop, seed=seed), cancelled)
        with asked as events:
            for batch in events.batches(SAVE_SECONDS, lambda event: isinstance(event, Piece)):
                yield from growing.take(batch, store)
        remember_question(clone, store, branch)
    except Exception as error:
        failed = replace(growing.reply, state="failed", stats={**growing.reply.stats, "error": explain(error)})
        store.save(failed)
        raise
    except BaseException:
        store.save(replace(growing.reply, state="cancelled"))
        raise


def clone_as_set(clone: Clone, settings: Settings) -> Clone:
    """Return `clone` as it talks in a conversation with these settings; the engine is the same, its strength set.

    Which engine and model a conversation wants is for those to see to who load one.
    """
    _set_strength(clone.engine, settings.applied_strength)
    notes = (line.strip() for line in settings.notes.split("\n") if line.strip())
    return replace(
        clone,
        persona=replace(clone.persona, about=(*clone.persona.about, *notes)),
        partner=settings.partner or clone.partner,
        memory=clone.memory if settings.memory else None,
        sampling=settings.sampling or clone.sampling,
        may_tell=may_tell(settings.partner, usual=clone.partner),
    )


def origin_of(clone: Clone, settings: Settings, seed: int) -> Origin:
    """Return what makes a reply of this clone."""
    return Origin(
        engine=clone.engine.name,
        model=clone.engine.model,
        adapter=clone.persona.adapter,
        strength=settings.applied_strength,
        seed=seed,
        sampling=clone.sampling,
        partner=clone.partner,
        memory=clone.memory is not None,
    )


def explain(error: Exception) -> str:
    """Return what a person should read of an error, with the hint on a second line where there is one."""
    if isinstance(error, ChatcloneError):
        return Message("{message}\n{hint}", message=error.message, hint=error.hint)
    if isinstance(error, TooLong):
        hint = Message("send it in shorter messages, or choose a model that takes more at once: /model")
        return Message("{message}\n{hint}", message=str(error), hint=hint)
    if isinstance(error, PromptError):
        hint = Message("choose another model: /model")
        return Message("{message}\n{hint}", message=str(error), hint=hint)
    return f"{type(error).__name__}: {error}"


def log_failure(logger: logging.Logger, what: str, error: Exception) -> None:
    """Log where something failed; the words of an error may quote what people wrote, so they stay out."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s failed: %s\n%s", what, type(error).__name__, frames)


class _Growing:
    """A reply on its way: `begun` is what it had before, `reply` what it is now."""

    def __init__(self, reply: StoredMessage) -> None:
        self.begun = reply.text
        self.reply = reply
        self._had = reply.stats.get("reply_tokens", 0) if reply.text else 0

    def take(self, batch: list[ReplyEvent], store: ChatStore) -> Generator[StoredMessage | Reading, None, None]:
        """Save what a batch of events makes of the reply and yield that; of readings only the last one."""
        pieces = "".join(event.text for event in batch if isinstance(event, Piece))
        readings = [event for event in batch if isinstance(event, Reading)]
        if readings:
            yield readings[-1]
        for event in batch:
            if isinstance(event, Recalled):
                self.reply = replace(self.reply, memory=event.hits)
                store.save(self.reply)
                yield self.reply
        if pieces:
            self.reply = replace(self.reply, text=self.reply.text + pieces)
            store.save_text(self.reply)
            yield self.reply
        for event in batch:
            if isinstance(event, Reply):
                self._end(event)
                store.save(self.reply)
                yield self.reply

    def _end(self, event: Reply) -> None:
        stats = {k: v for k, v in asdict(event).items() if k not in ("text", "memory")}
        stats["reply_tokens"] += self._had
        states: dict[str, State] = {"cancelled": "cancelled", "length": "length"}
        state = states.get(event.stopped_by, "done")
        self.reply = replace(self.reply, text=self.reply.text.strip(), state=state, stats=stats)


def _before(reply: StoredMessage, store: ChatStore, context: int) -> list[StoredMessage]:
    """Return what stands before a reply, of a long conversation no more than could fit into its context.

    It begins at the same message for many replies, so that the engine's cache stays good.
    """
    most = context // LEAST_TURN_TOKENS
    first = max(0, reply.depth // most - 1) * most
    return store.branch(reply.id, reply.depth - first + 1)[:-1]


def _seed(clone: Clone, seed: int | None) -> int:
    """Return the seed asked for or set, else one at random: it is saved, so every reply can be made again."""
    wanted = clone.sampling.seed if seed is None else seed
    return random.randint(0, LARGEST_SEED) if wanted is None else wanted


def _set_strength(engine: Engine, strength: float | None) -> None:
    """Apply a conversation's strength; after one that had set its own, None is as the engine was loaded."""
    if strength is None and engine in _strengths:
        engine.set_strength(1.0)
        del _strengths[engine]
    elif strength is not None and _strengths.get(engine) != strength:
        engine.set_strength(strength)
        _strengths[engine] = strength
