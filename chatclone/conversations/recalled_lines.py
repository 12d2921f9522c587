"""What was recalled from memory stands beside each reply that it was given to; here it is removed when it is forgotten.

Recalled lines have the form `2023-05-08 Anna: …` (`memory.search.recall.Hit`). They are kept in the conversations file
and in `corrections.jsonl`.
"""

import re
from collections.abc import Callable, Collection
from pathlib import Path

from chatclone.conversations import corrections
from chatclone.conversations.store import ChatStore
from memory.search.recall import Hit

Unwanted = Callable[[Hit], bool]


def said_by(names: Collection[str]) -> Unwanted:
    """Return whether a recalled passage holds a line of somebody with one of these names."""
    line = re.compile(rf"^\S+ (?:{'|'.join(map(re.escape, names))}): ", re.MULTILINE)
    return lambda hit: bool(names) and line.search(hit.text) is not None


def said_in(chats: Collection[str]) -> Unwanted:
    """Return whether a recalled passage is of one of the chats with these names."""
    return lambda hit: hit.chat in chats


def forget_recalled(chats_file: Path, dataset_folder: Path, unwanted: Unwanted) -> int:
    """Remove recalled passages from replies and corrections, bytes included; return from how many replies.

    What the user and the clone wrote in a conversation stays.
    """
    if not chats_file.exists():
        return 0
    with ChatStore.open(chats_file) as store:
        lines: set[str] = set()

        def noted(hit: Hit) -> bool:
            if not unwanted(hit):
                return False
            lines.update(hit.text.split("\n"))
            return True

        changed = store.drop_memory(noted)
        with store.alone():
            corrections.forget_lines(dataset_folder, lines)
        if changed:
            store.compact()
    return changed
