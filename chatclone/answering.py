"""A reply of the clone, saved while it grows: what the app and the plain chat have in common.

Every piece is saved before it is handed on, so whatever was on a screen is in the file.
"""

import logging
import traceback
from collections.abc import Generator
from dataclasses import asdict, replace

from chatclone.chats import ChatStore, State, StoredMessage
from chatclone.clone import Clone, Recalled, Reply
from chatclone.engines.base import Cancelled, Piece, Reading
from chatclone.errors import ChatcloneError
from chatclone.prompt import ChatMessage, PromptError


def begin_reply(store: ChatStore, question: StoredMessage) -> StoredMessage:
    """Save the place where the reply to `question` will stand, so that what is sent meanwhile comes after it."""
    return store.add(question.conversation, "assistant", "", parent=question.id, state="running")


def answer(
    clone: Clone,
    store: ChatStore,
    reply: StoredMessage,
    *,
    cancelled: Cancelled,
    seed: int | None = None,
) -> Generator[StoredMessage | Reading, None, None]:
    """Write a begun reply and yield it after every change.

    The last one yielded is finished or stopped. An error of the engine is saved as a failed reply, with what it had
    written, and raised; so is being closed or interrupted, as a stopped one.
    """
    try:
        turns = [ChatMessage(m.role, m.text) for m in store.branch(reply.id) if m.text.strip()]
        for event in clone.reply(turns, cancelled=cancelled, seed=seed):
            if isinstance(event, Reading):
                yield event
                continue
            reply = _after(reply, event, clone)
            if isinstance(event, Piece):
                store.save_text(reply)
            else:
                store.save(reply)
            yield reply
    except Exception as error:
        store.save(replace(reply, state="failed", stats={**reply.stats, "error": explain(error)}))
        raise
    except BaseException:
        store.save(replace(reply, state="stopped"))
        raise


def explain(error: Exception) -> str:
    """Return what a person should read of an error, with the hint on a second line where there is one."""
    if isinstance(error, ChatcloneError):
        return f"{error.message}\n{error.hint}"
    if isinstance(error, PromptError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def log_failure(logger: logging.Logger, what: str, error: Exception) -> None:
    """Log where something failed; the words of an error may quote what people wrote, so they stay out."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s failed: %s\n%s", what, type(error).__name__, frames)


def _after(reply: StoredMessage, event: Recalled | Piece | Reply, clone: Clone) -> StoredMessage:
    """Return the reply as it is after an event."""
    match event:
        case Recalled(hits):
            return replace(reply, memory=hits)
        case Piece(text):
            return replace(reply, text=reply.text + text)
        case Reply():
            stats = {k: v for k, v in asdict(event).items() if k not in ("text", "memory")}
            stats |= {"engine": clone.engine.name, "model": clone.engine.model}
            state: State = "stopped" if event.stopped_by == "cancelled" else "finished"
            return replace(reply, text=event.text, state=state, stats=stats)
