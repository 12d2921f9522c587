"""What a large file of conversations costs: opening, the list, a page of a long conversation, search, a saved piece.

    python -m benchmarks.chats /tmp/chats.sqlite

The file is made where there is none: 10,000 conversations of 20 messages and one of 20,000. Every figure is the median
of several runs in a fresh process' connection; the bar is 300 ms for everything that has to happen before a person
sees the list and the end of the longest conversation.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatclone.conversations import ChatStore
from chatclone.conversations.document import ConversationDocument, MessageDocument
from memory.search.recall import Hit

CONVERSATIONS, SHORT, LONG = 10_000, 20, 20_000
BEGAN = 1_700_000_000
HIT = Hit(7, BEGAN, "Mira, Anna", "2023-11-14 Mira: i adopted a cat!!\n2023-11-14 Anna: omg pics", 0.83, "Anna")
RUNS = 7
BAR_MS = 300.0

OPEN = """
import json, sys, time
from pathlib import Path
from chatclone.conversations import ChatStore
started = time.perf_counter()
store = ChatStore.open(Path(sys.argv[1]))
rows = store.conversations(50)
longest = max(rows, key=lambda c: c.length)
page = store.messages(longest.id, 60)
assert len(page) == 60
print(1000 * (time.perf_counter() - started))
"""
"""What the app does before it shows the list and the end of the longest conversation; imports are not counted."""


def sentence(words: list[str], chosen: random.Random) -> str:
    """Return a message of one to twenty words, common ones more often."""
    return " ".join(words[int(len(words) * chosen.random() ** 3)] for _ in range(chosen.randint(1, 20)))


def conversation(number: int, length: int, words: list[str], chosen: random.Random) -> ConversationDocument:
    """Return a conversation of `length` messages, mine and the clone's in turn."""
    began = BEGAN + 3600 * number
    messages = tuple(
        MessageDocument(
            n + 1,
            "assistant" if n % 2 else "user",
            sentence(words, chosen),
            began + 30 * n,
            parent=n or None,
            selected=n + 2 if n + 1 < length else None,
            memory=(HIT, HIT) if n % 2 else (),
        )
        for n in range(length)
    )
    return ConversationDocument(f"conversation {number}", began, began + 30 * length, messages, first=1, read=length)


def fill(path: Path, conversations: int = CONVERSATIONS, short: int = SHORT, long: int = LONG) -> None:
    """Make a file of many short conversations and a long one, which is the latest."""
    chosen = random.Random(7)
    words = ["".join(chosen.choices("abcdefghiklmnoprstuvyz", k=chosen.randint(2, 9))) for _ in range(20_000)]
    with ChatStore.open(path) as store:
        for start in range(0, conversations, 500):
            numbers = range(start, min(start + 500, conversations))
            store.insert([conversation(n, short, words, chosen) for n in numbers])
        store.insert([conversation(conversations, long, words, chosen)])


def opening(path: Path) -> float:
    """Return the milliseconds from opening the file to the list and the end of the longest conversation."""
    runs = [
        float(subprocess.run([sys.executable, "-c", OPEN, str(path)], capture_output=True, check=True).stdout)
        for _ in range(RUNS)
    ]
    return statistics.median(runs)


def timed(action: Callable[[], object]) -> float:
    """Return the median milliseconds of an action."""
    runs = []
    for _ in range(RUNS):
        started = time.perf_counter()
        action()
        runs.append(1000 * (time.perf_counter() - started))
    return statistics.median(runs)


def reading(store: ChatStore) -> dict[str, float]:
    """Return what pages and searches cost."""
    longest = max(store.conversations(50), key=lambda c: c.length)
    last = store.messages(longest.id, 1)[0]
    middle = store.messages(longest.id)[longest.length // 2]
    word = max(last.text.split(), key=len)
    return {
        "list, the first 50": timed(lambda: store.conversations(50)),
        "list, 50 after 9,000": timed(lambda: store.conversations(50, 9_000)),
        "list, 50 by title": timed(lambda: store.conversations(50, order="title")),
        "titles that hold a word": timed(lambda: store.conversations(50, titled="conversation 77")),
        "the last 60 messages": timed(lambda: store.messages(longest.id, 60)),
        "60 around the middle": timed(lambda: store.messages(longest.id, 60, around=middle.id)),
        "all 20,000 messages": timed(lambda: store.messages(longest.id)),
        "to another version and back": timed(lambda: store.show(middle.id)),
        "search, a rare word": timed(lambda: store.search(word)),
        "search, one letter": timed(lambda: store.search("a")),
        "search, three beginnings": timed(lambda: store.search("a be co")),
    }


def writing(store: ChatStore) -> dict[str, float]:
    """Return what a message, and a piece of a reply of 1,000 characters, cost to save."""
    longest = max(store.conversations(50), key=lambda c: c.length)
    last = store.messages(longest.id, 1)[0]
    reply = store.add(longest.id, "assistant", "", parent=last.id, state="writing")  # so last is no longer the end
    text = "word " * 200
    cost = {
        "a message, and deleting it": timed(
            lambda: store.delete_message(store.add(longest.id, "user", text, parent=last.id))
        ),
        "a piece": timed(lambda: store.save_text(replace(reply, text=text))),
    }
    store.delete_message(reply)
    return cost


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not args.path.exists():
        fill(args.path)
    opened = opening(args.path)
    with ChatStore.open(args.path) as store:
        figures: dict[str, Any] = {"open, list and longest": opened, **reading(store), **writing(store)}
    size = args.path.stat().st_size / 2**20
    document = {"ms": figures, "megabytes": size, "bar_ms": BAR_MS, "ok": opened < BAR_MS}
    if args.json:
        print(json.dumps(document, indent=1))
        return
    print(f"{size:.0f} MiB")
    for name, cost in figures.items():
        print(f"{name:<30}{cost:>9.2f} ms")


if __name__ == "__main__":
    main()
