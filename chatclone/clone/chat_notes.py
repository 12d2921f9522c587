"""What a person told the clone goes into its memory, marked as such; what the clone made up never does.

It is no part of the archive, so nothing is ever trained on it. `remember_chats = false` in persona.toml turns it off,
and a conversation that is set to go without memory leaves none.
"""

import logging
import sqlite3
from collections.abc import Sequence
from weakref import WeakSet

from chatclone.clone.clone import Clone
from chatclone.conversations import ChatStore, StoredMessage
from memory.memory import Memory
from memory.passages import Line
from memory.text.time_expressions import local_offset

CHAT_NAME = "told to the clone"
"""The chat that such passages are shown under."""
MOST_CONVERSATIONS = 10_000

_in_step: "WeakSet[Memory]" = WeakSet()
"""Memories that have been through all conversations since they were opened."""

logger = logging.getLogger(__name__)


def remember_question(clone: Clone, store: ChatStore, branch: Sequence[StoredMessage]) -> None:
    """Remember the last thing a person said in a branch; a failure of memory is logged and harms no reply.

    The first time after memory was opened all conversations are gone through, so that deleted ones leave it.
    """
    memory = clone.memory
    if memory is None or not clone.persona.remember_chats:
        return
    questions = [message for message in branch if message.role == "user" and message.text.strip()]
    try:
        if memory not in _in_step:
            remember_conversations(memory, store, clone.partner)
            _in_step.add(memory)
        if questions:
            memory.tell([line_of(questions[-1], clone.partner)])
    except sqlite3.Error as error:
        logger.warning("what was told is not remembered: %s", type(error).__name__)


def remember_conversations(memory: Memory, store: ChatStore, partner: str) -> None:
    """Bring memory in step with everything that is still shown of what was told."""
    memory.sync(
        (
            line_of(message, conversation.partner or partner)
            for conversation in store.conversations(MOST_CONVERSATIONS)
            if conversation.settings.memory
            for message in store.messages(conversation.id)
            if message.role == "user"
        ),
        kind="chat",
    )


def line_of(question: StoredMessage, partner: str) -> Line:
    """Return what a person told the clone as memory keeps it."""
    chat = f"chatclone:{question.conversation}"
    when = question.created_at
    return Line(f"{chat}/{question.id}", chat, CHAT_NAME, partner or "you", when, question.text, local_offset(when))
