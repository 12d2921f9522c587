"""How recalled memory is put into the prompt: lines between `<memory>` and `</memory>` in the last user turn.

    <memory>
    2023-05-08 Theo: the piano is out of tune again
    </memory>
    when did you last tune the piano?

Training adds the same block to its samples, so a model reads in a chat what it was trained on. The system turn and the
turns before stay as they are, so a cached prefix of the prompt stays valid.
"""

from collections.abc import Sequence
from dataclasses import replace

from chatclone.prompt.render import ChatMessage
from chatclone.prompt.stop_markers import neutralise

MEMORY_OPEN, MEMORY_CLOSE = "<memory>", "</memory>"


def with_memory(messages: Sequence[ChatMessage], quotes: Sequence[str]) -> list[ChatMessage]:
    """Put recalled lines into the last user turn, as a delimited block before its text.

    Neither a quote nor a user turn can open or close the block: delimiters in them are broken by a space.
    """
    delimiters = (MEMORY_OPEN, MEMORY_CLOSE)
    result = [replace(m, content=neutralise(m.content, delimiters)) if m.role == "user" else m for m in messages]
    last = max((i for i, m in enumerate(result) if m.role == "user"), default=None)
    if last is None or not quotes:
        return result
    result[last] = replace(result[last], content=f"{memory_block(quotes)}\n{result[last].content}")
    return result


def memory_block(quotes: Sequence[str]) -> str:
    """Return recalled lines as they stand in a prompt."""
    lines = [neutralise(" ".join(quote.split()), (MEMORY_OPEN, MEMORY_CLOSE)) for quote in quotes]
    return "\n".join([MEMORY_OPEN, *lines, MEMORY_CLOSE])
