"""What the threads behind the app tell it."""

from dataclasses import dataclass

from textual.message import Message

from chatclone.clone.clone import Clone
from chatclone.conversations import StoredMessage


@dataclass
class CloneAwake(Message):
    """The model is loaded; `note` says what a person should know about how, or is empty."""

    clone: Clone
    note: str


@dataclass
class CloneAsleep(Message):
    """The model could not be loaded."""

    explanation: str


@dataclass
class PromptRead(Message):
    """So many of the prompt's tokens have been read."""

    done: int
    total: int

    def can_replace(self, message: Message) -> bool:
        """Let a newer count stand for an older one."""
        return isinstance(message, PromptRead)


@dataclass
class ReplyChanged(Message):
    """A reply has grown; it carries the whole text, so a newer one stands for an older one."""

    reply: StoredMessage

    def can_replace(self, message: Message) -> bool:
        """Let bursts of pieces be drawn once."""
        return isinstance(message, ReplyChanged) and message.reply.id == self.reply.id


@dataclass
class ReplyEnded(Message):
    """A reply is not being written any more."""

    reply: StoredMessage
