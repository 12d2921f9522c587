"""What the writers of the demo want to know about their texts: whose they are, repeats, slips in the owner's voice."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

SLIPS = {  # what the owner never writes
    "ends in a full stop": re.compile(r"\.$"),
    "capitals": re.compile(r"\b\w*[a-z]\w*[A-Z]|\b[A-Z]\w*[a-z]|\b[A-Z]\b(?=.*[a-z])|(?<=[a-z]) [A-Z]\b"),
    "correct spelling": re.compile(r"\b(definitely|tomorrow|because|weird\w*|probably|sorry)\b", re.I),
    "foreign laughter": re.compile(r"\b(lol|lmao|(ha){2,}h?)\b", re.I),
    "apostrophe": re.compile(r"\w['\u2019]\w"),
    "foreign emoji": re.compile(r"(?![🐌🫠🫶😭])[\u2600-\u27bf\U0001f300-\U0001faff]"),
}


class Written(Protocol):
    """A chat as it is exported, and the owner's own words in it as (line, text)."""

    path: Path
    messages: list[dict[str, Any]]
    own: list[tuple[int, str]]


def share(part: int, whole: int) -> str:
    """A share in whole per cent."""
    return f"{part} of {whole} ({part / whole:.0%})" if whole else "none"


def summary(chats: Sequence[Written], owner: str) -> Iterator[str]:
    """What the writers want to know about their texts."""
    total = hers = 0
    for chat in chats:
        spoken = [message["from"] for message in chat.messages if message["type"] == "message"]
        mine = spoken.count(owner)
        total, hers = total + len(spoken), hers + mine
        yield f"{chat.path.name}: {len(spoken)} messages, hers {share(mine, len(spoken))}"
    yield f"all: {total} messages, hers {share(hers, total)}"
    texts = Counter(text for chat in chats for _, text in chat.own)
    repeats = [(text, times) for text, times in texts.most_common() if times > 1]
    yield f"her exact repeats: {share(sum(times - 1 for _, times in repeats), texts.total())}"
    yield from (f"  {times} x {text}" for text, times in repeats[:12])
    for reason, pattern in SLIPS.items():
        slips = [(c, line, text) for c in chats for line, text in c.own if pattern.search(text)]
        yield f"{reason}: {len(slips)}"
        yield from (f"  {c.path.name}:{line}: {text}" for c, line, text in slips)
