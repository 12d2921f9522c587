"""Conversations with the clone as data: kept, branched, searched, undone, exported and imported.

`ChatStore.open(persona.chats_file)` is all a screen needs; what it gives out is in `records`, what a person may set
for a conversation in `settings`. `transfer` reads and writes conversations as JSON and Markdown, `corrections` keeps
what the person would have said instead.
"""

from chatclone.conversations.chat_settings import Settings
from chatclone.conversations.records import (
    CUT,
    TITLE_LENGTH,
    Conversation,
    Deletion,
    Found,
    Order,
    Origin,
    Speaker,
    State,
    StoredMessage,
)
from chatclone.conversations.store import ChatStore

__all__ = [
    "CUT",
    "TITLE_LENGTH",
    "ChatStore",
    "Conversation",
    "Deletion",
    "Found",
    "Order",
    "Origin",
    "Settings",
    "Speaker",
    "State",
    "StoredMessage",
]
