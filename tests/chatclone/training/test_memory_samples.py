"""Recalled lines in samples: from earlier sessions only, in the form of a chat, sometimes irrelevant."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chatclone.prompt.memory_block import MEMORY_CLOSE, MEMORY_OPEN
from chatclone.prompt.render import ChatMessage
from chatclone.training.memory_samples import Limits, Share, WithMemory, add_memory, memory_words
from chatclone.training.tokenized_data import Conversation
from importers.privacy.redaction import Redactor
from memory.memory import Memory
from memory.passages import Line

DAY = 86_400
START = 1_700_000_000
TOPICS = ("geese", "pianos", "lasagne", "trains", "moths", "violins", "lemons", "clocks")
NAMES = (
    "amber birch cobalt dune ember fjord grove haven iris jade knoll lagoon maple nectar onyx pebble quartz raven "
    "sable tulip umber velvet willow zephyr"
).split()
FACTS = len(NAMES)
"""Days on which Theo says something about a topic; each topic comes up three times, eight days apart."""

NAME, PARTNER = "Mira", "Theo"


def session(day: int) -> int:
    return START + day * DAY


def fact(day: int) -> str:
    return f"{TOPICS[day % len(TOPICS)]} {NAMES[day]}"


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """A memory with one session a day: a fact, and an answer five minutes later."""
    with Memory.open(tmp_path / "memory.sqlite") as opened:
        lines = []
        for day in range(FACTS):
            for offset, who, text in ((0, "Theo", fact(day)), (300, "Mira", f"noted, call +49 30 1234{day:02d}56")):
                key = f"t:1/{2 * day + offset}"
                lines.append(Line(key, "t:1", "Theo", who, session(day) + offset, text))
        opened.sync(lines)
        yield opened


def samples() -> tuple[list[Conversation], list[dict[str, Any]]]:
    """A sample a session, whose question is that day's fact."""
    conversations = [
        [
            ChatMessage("system", "S"),
            ChatMessage("user", "hey"),
            ChatMessage("assistant", "hi", trained=True),
            ChatMessage("user", fact(day)),
            ChatMessage("assistant", "noted", trained=True),
        ]
        for day in range(FACTS)
    ]
    return conversations, [{"session": session(day), "from": session(day), "partner": PARTNER} for day in range(FACTS)]


def with_memory(memory: Any, share: float = 1.0, irrelevant: float = 0.0, **more: Any) -> WithMemory:
    conversations, metas = samples()
    limits = more.pop("limits", Limits(60, 10_000, lambda turns: sum(len(t.content) for t in turns)))
    wanted = {"name": NAME, "seed": 7, "redactor": None, **more}
    return add_memory(conversations, metas, memory, Share(share, irrelevant), limits, **wanted)


def quoted(conversation: Conversation) -> list[str]:
    """Return the recalled lines of a sample, [] without a memory block."""
    found = re.fullmatch(rf"{MEMORY_OPEN}\n(.*)\n{MEMORY_CLOSE}\n(.*)", conversation[-2].content, re.DOTALL)
    return found[1].split("\n") if found else []


def test_never_from_the_same_session_or_later(memory: Memory) -> None:
    """Whatever is recalled was said on a day before the sample's session."""
    done = with_memory(memory)
    assert done.with_memory == sum(bool(quoted(c)) for c in done.conversations) >= FACTS // 2
    for day, conversation in enumerate(done.conversations):
        today = datetime.fromtimestamp(session(day), UTC).date().isoformat()
        assert all(line[:10] < today for line in quoted(conversation))


def test_bound_is_the_session_not_the_window() -> None:
    """Lines are recalled from before the session, even if the sample's window begins later in it."""
    asked: list[int | None] = []

    class Spy:
        def recall(self, query: str, *, before: int | None = None, **more: Any) -> Any:
            asked.append(before)
            assert (more["asked"], more["asker"]) == (NAME, PARTNER)
            return type("Nothing", (), {"hits": ()})()

    conversations, metas = samples()
    metas = [{**meta, "from": meta["session"] + 4000} for meta in metas]
    limits = Limits(60, 10_000, lambda turns: 0)
    add_memory(conversations, metas, Spy(), Share(1.0, 0.5), limits, name=NAME, seed=7, redactor=None)
    assert sorted({b for b in asked if b is not None}) == [session(day) for day in range(FACTS)]
    assert None not in asked


def test_form_and_place(memory: Memory) -> None:
    """The block is before the text of the last user turn, in order of time, and nothing else changes."""
    conversations, _ = samples()
    done = with_memory(memory)
    last = FACTS - 1
    topic = TOPICS[last % len(TOPICS)]
    assert done.conversations[last][-2].content.endswith(f"{MEMORY_CLOSE}\n{fact(last)}")
    assert any(topic in line for line in quoted(done.conversations[last]))
    dates = [line[:10] for line in quoted(done.conversations[last])]
    assert dates == sorted(dates)
    for before, after in zip(conversations, done.conversations, strict=True):
        assert [*before[:-2], before[-1]] == [*after[:-2], after[-1]]


def test_share(memory: Memory) -> None:
    """The wanted share of all samples has a memory block, if something can be recalled."""
    assert with_memory(memory, 0.25).with_memory == FACTS // 4
    assert with_memory(memory, 0.0).with_memory == 0


def test_irrelevant(memory: Memory) -> None:
    """Irrelevant lines answer another sample's question and not this one's."""
    done = with_memory(memory, 1.0, irrelevant=1.0)
    assert 0 < done.irrelevant <= done.with_memory
    irrelevant = 0
    for day, conversation in enumerate(done.conversations):
        lines = quoted(conversation)
        irrelevant += bool(lines) and not any(TOPICS[day % len(TOPICS)] in line for line in lines)
    assert irrelevant == done.irrelevant


def test_seed(memory: Memory) -> None:
    """The same seed gives the same samples, another gives others."""
    once, again, other = (with_memory(memory, 0.4, 0.5, seed=seed).conversations for seed in (7, 7, 8))
    assert once == again != other


def test_personal_data(memory: Memory) -> None:
    """Recalled lines are redacted if the data set is."""
    open_lines, closed = with_memory(memory), with_memory(memory, redactor=Redactor())
    assert any("+49" in line for c in open_lines.conversations for line in quoted(c))
    lines = [line for c in closed.conversations for line in quoted(c)]
    assert not any("+49" in line for line in lines)
    assert any("[phone-" in line for line in lines)


def test_limit(memory: Memory) -> None:
    """Recalled lines never make a sample longer than its limit; if none fit there is no block."""

    def count(turns: Conversation) -> int:
        return sum(len(turn.content) for turn in turns)

    limit = max(count(c) for c in samples()[0]) + 150
    done = with_memory(memory, limits=Limits(60, limit, count))
    assert 0 < done.with_memory
    assert all(count(c) <= limit for c in done.conversations)
    assert with_memory(memory, limits=Limits(60, 10, count)).with_memory == 0


def test_undated(memory: Memory) -> None:
    """A sample without the time of its session gets no recalled lines, and is counted."""
    conversations, metas = samples()
    limits = Limits(60, 10_000, lambda turns: 0)
    old = [{"from": meta["from"]} for meta in metas]
    done = add_memory(conversations, old, memory, Share(1.0, 0.0), limits, name=NAME, seed=7, redactor=None)
    assert (done.with_memory, done.undated) == (0, FACTS)
    assert done.conversations == conversations


def test_untrained_end(memory: Memory) -> None:
    """A sample without a trained reply after its last question gets no recalled lines."""
    conversations, metas = samples()
    ends = [[*c[:-1], ChatMessage("assistant", "noted")] for c in conversations]
    limits = Limits(60, 10_000, lambda turns: 0)
    assert add_memory(ends, metas, memory, Share(1.0, 0.0), limits, name=NAME, seed=7, redactor=None).with_memory == 0


def test_words() -> None:
    """A small context gets fewer words than a large one, which gets as many as a chat."""
    assert memory_words(512) < memory_words(1024) <= memory_words(32_768) == 400
