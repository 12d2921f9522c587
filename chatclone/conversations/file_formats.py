"""Conversations to JSON and back, nothing lost; which format a file has is seen from its content.

    {"format": "chatclone conversations", "version": 1, "persona": "Mira", "conversations": [
        {"title": …, "created_at": …, "updated_at": …, "first": 1, "read": 2, "renamed": false, "pinned": false,
         "settings": {…}, "messages": [
            {"id": 1, "parent": null, "selected": 2, "role": "user", "text": …, "state": "done", "created_at": …,
             "memory": [], "stats": {}, "origin": null}, …]}]}

Times are Unix seconds. `parent` is the message that one follows and `selected` the one shown after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from chatclone.conversations import markdown
from chatclone.conversations.document import ConversationDocument
from chatclone.errors import ChatcloneError

FORMAT = "chatclone conversations"
VERSION = 1
Kind = Literal["json", "markdown"]


@dataclass(frozen=True)
class File:
    """What a JSON export holds."""

    format: str
    version: int
    persona: str
    conversations: tuple[ConversationDocument, ...]


def written(conversations: Iterable[ConversationDocument], kind: Kind, persona: str) -> str:
    """Return conversations with the clone of `persona` as the text of a file; Markdown holds what is shown of them."""
    if kind == "markdown":
        return "\n".join(markdown.written(conversation, persona) for conversation in conversations)
    import msgspec

    file = File(FORMAT, VERSION, persona, tuple(conversations))
    return msgspec.json.format(msgspec.json.encode(file), indent=1).decode() + "\n"


def read(data: bytes) -> tuple[ConversationDocument, ...]:
    """Return the conversations in a file of either format; ChatcloneError for anything else."""
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        try:
            return markdown.read(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ChatcloneError("this file is not text", "give it a conversation exported by chatclone") from error
    return _from_json(data.removeprefix(b"\xef\xbb\xbf"))


def _from_json(data: bytes) -> tuple[ConversationDocument, ...]:
    import msgspec

    hint = "give it a conversation exported by chatclone"
    try:
        head = msgspec.json.decode(data, type=dict)
        if head.get("format") != FORMAT:
            raise ChatcloneError("this JSON is not an export of conversations", hint)
        version = head.get("version")
        if isinstance(version, int) and version > VERSION:
            raise ChatcloneError("this export is from a newer chatclone", "pip install --upgrade chatclone")
        file = msgspec.convert(head, type=File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ChatcloneError("this JSON is not an export of conversations: {error}", hint, error=error) from error
    for conversation in file.conversations:
        conversation.check()
    return file.conversations
