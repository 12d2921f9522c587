"""All sessions of a data set, packed: what was said waits as bytes until a line is written.

A million messages take some hundred megabytes this way, and as objects a multiple.
"""

from array import array
from collections.abc import Callable, Sequence

import msgspec

from importers.conversations.turns import Block
from importers.message import Chat


class Conversations:
    """Sessions by number, chat after chat and each in time; the persona's replies are numbered through all of them."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._chats: list[Chat] = []
        self._chat = array("I")
        self._begins = array("I", [0])
        """The number of a session's first reply; one more than there are sessions."""
        self._pack = msgspec.msgpack.Encoder().encode
        self._unpack = msgspec.msgpack.Decoder(list[Block]).decode

    def __len__(self) -> int:
        return len(self._packed)

    def add(self, chat: Chat, blocks: Sequence[Block], replies: int) -> int:
        """Put a session away and return its number; `replies` of its blocks are the persona's."""
        if not self._chats or self._chats[-1] is not chat:
            self._chats.append(chat)
        self._packed.append(self._pack(blocks))
        self._chat.append(len(self._chats) - 1)
        self._begins.append(self._begins[-1] + replies)
        return len(self._packed) - 1

    def chat(self, session: int) -> Chat:
        """Return the chat of a session."""
        return self._chats[self._chat[session]]

    def replies(self, session: int) -> range:
        """Return the numbers of a session's replies."""
        return range(self._begins[session], self._begins[session + 1])

    def open(self, session: int, is_trained: Callable[[int], bool]) -> tuple[Chat, list[Block]]:
        """Return a session's chat and blocks, each reply marked as trained or not."""
        blocks = self._unpack(self._packed[session])
        number = self._begins[session]
        for block in blocks:
            if block.mine:
                block.trained = is_trained(number)
                number += 1
        return self.chat(session), blocks

    def reply(self, session: int, number: int) -> tuple[Block | None, Block]:
        """Return a reply by its number, and the block before it."""
        _, blocks = self.open(session, lambda _: False)
        own = [place for place, block in enumerate(blocks) if block.mine]
        place = own[number - self._begins[session]]
        return (blocks[place - 1] if place else None), blocks[place]
