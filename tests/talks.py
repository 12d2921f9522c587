"""Conversations that tests begin, and what is shown of them."""

from chatclone.conversations import ChatStore, StoredMessage


def talk(store: ChatStore, *texts: str) -> list[StoredMessage]:
    """Begin a conversation of these messages, mine and the clone's in turn."""
    chat, said = store.create(texts[0]).id, list[StoredMessage]()
    for number, text in enumerate(texts):
        parent = said[-1].id if said else None
        said.append(store.add(chat, "assistant" if number % 2 else "user", text, parent=parent))
    return said


def shown(store: ChatStore, conversation: int) -> list[str]:
    """Return what is shown of a conversation."""
    return [m.text for m in store.messages(conversation)]
