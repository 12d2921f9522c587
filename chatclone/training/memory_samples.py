"""Memory in training samples: recalled lines before the last reply, so that the adapter learns to use them.

They stand in the form and the place they have in a chat, and come from messages that were sent before the sample's
session began: a reply never sees what was said later, nor its own conversation twice. Some samples get lines that say
nothing to the question, so that the adapter learns to ignore those too. The same seed gives the same samples.
"""

import random
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from chatclone.clone.clone import CONTEXT_A_WORD, MEMORY_WORDS
from chatclone.engines.token_loop import MAX_CONTEXT
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatTemplate, PromptError, with_memory
from chatclone.training.tokenized_data import Conversation
from importers.message import Message
from importers.privacy.redaction import Redactor
from memory.memory import Memory
from memory.search.recall import Hit, Recall
from memory.store.database import StoreError

OTHERS = 5
"""Other samples whose question is tried to find lines that say nothing to this one."""
TRIES = 3
"""Tries at recalling no more than there is room for, each with half the words: no turn is dropped for memory."""


class Recaller(Protocol):
    """What is asked of a memory."""

    def recall(
        self,
        query: str,
        *,
        words: int = ...,
        exclude: Sequence[str] = ...,
        before: int | None = None,
        asked: str | None = None,
        asker: str | None = None,
    ) -> Recall:
        """Return what was said about `query` before that moment; `asker` asks it of `asked`."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the samples get recalled lines, and how many of these get lines that say nothing to the question."""

    samples: float
    irrelevant: float


@dataclass(frozen=True, slots=True)
class Room:
    """How much a sample may hold: words of recalled lines, and tokens in all, counted by `tokens`."""

    words: int
    limit: int
    tokens: Callable[[Conversation], int]


@dataclass(frozen=True, slots=True)
class Reminded:
    """The conversations, some with recalled lines; `undated` ones do not say when their session began."""

    conversations: list[Conversation]
    with_memory: int = 0
    irrelevant: int = 0
    undated: int = 0


def remind_from(
    file: Path,
    conversations: Sequence[Conversation],
    metas: Sequence[dict[str, Any]],
    share: Share,
    template: ChatTemplate,
    *,
    context: int,
    limit: int,
    name: str,
    seed: int,
    redact: bool,
) -> Reminded:
    """Put lines recalled from the memory at `file` into samples of at most `limit` tokens for a base of `context`."""
    try:
        opened = Memory.open(file)
    except StoreError as error:
        raise ChatcloneError(str(error), f"move {file} away and import again") from error
    with closing(opened) as memory:
        return remind(
            conversations,
            metas,
            memory,
            share,
            Room(memory_words(context), limit, lambda turns: _tokens(template, turns)),
            name=name,
            seed=seed,
            redactor=Redactor() if redact else None,
        )


def _tokens(template: ChatTemplate, messages: Conversation) -> int:
    """Return the tokens of a whole conversation; one that the template takes only in part is too long for memory."""
    try:
        return len(template.encode(template.render(messages, reply_next=False)))
    except PromptError:
        return sys.maxsize


def memory_words(context: int) -> int:
    """Return the words of recalled lines that a chat with a model of this context has at most."""
    return min(MEMORY_WORDS, min(context, MAX_CONTEXT) // CONTEXT_A_WORD)


def remind(
    conversations: Sequence[Conversation],
    metas: Sequence[dict[str, Any]],
    memory: Recaller,
    share: Share,
    room: Room,
    *,
    name: str,
    seed: int,
    redactor: Redactor | None,
) -> Reminded:
    """Put recalled lines into the wanted share of the samples, as far as there is something to recall and room.

    `name` is the persona's, of whom the partners ask.
    """
    chosen = random.Random(seed)
    dated = [i for i, meta in enumerate(metas) if isinstance(meta.get("session"), int) and _question(conversations[i])]
    wanted = round(share.samples * len(conversations))
    result = list(conversations)
    reminded = irrelevant = 0
    for i in chosen.sample(dated, len(dated)):
        if reminded >= wanted:
            break
        others = [_question(conversations[n]) for n in chosen.sample(dated, min(OTHERS, len(dated))) if n != i]
        aside = chosen.random() < share.irrelevant
        asked = _Asked(memory, conversations[i], metas[i], name, others if aside else [], redactor)
        if longer := asked.reminded(room):
            result[i] = longer
            reminded += 1
            irrelevant += asked.aside
    return Reminded(result, reminded, irrelevant, len(conversations) - len(dated))


class _Asked:
    """One sample and its memory; with the questions of `others`, lines that answer one of those and not its own."""

    def __init__(
        self,
        memory: Recaller,
        messages: Conversation,
        meta: dict[str, Any],
        name: str,
        others: Sequence[str],
        redactor: Redactor | None,
    ) -> None:
        self._memory, self._messages, self._others, self._redactor = memory, messages, others, redactor
        self._before, self._name, self._partner = meta["session"], name, meta.get("partner") or None
        self._said = _said(messages)
        self.aside = False

    def reminded(self, room: Room) -> Conversation | None:
        """Return the sample with as many recalled lines as there is room for, or None for none."""
        words = room.words
        for _ in range(TRIES):
            hits = self._hits(words)
            if not hits:
                return None
            longer = with_memory(self._messages, _lines(hits, self._redactor))
            if room.tokens(longer) <= room.limit:
                return longer
            words //= 2
        return None

    def _hits(self, words: int) -> tuple[Hit, ...]:
        own = self._recall(_question(self._messages), words)
        known = {line for hit in own for line in hit.text.split("\n")}
        for question in self._others:
            foreign = tuple(h for h in self._recall(question, words) if known.isdisjoint(h.text.split("\n")))
            if foreign:
                self.aside = True
                return foreign
        self.aside = False
        return own

    def _recall(self, question: str, words: int) -> tuple[Hit, ...]:
        return self._memory.recall(
            question, words=words, exclude=self._said, before=self._before, asked=self._name, asker=self._partner
        ).hits


def _question(messages: Conversation) -> str:
    """Return the last user turn, which a chat would recall for; empty where nothing after it is trained."""
    last = max((i for i, m in enumerate(messages) if m.role == "user"), default=None)
    if last is None or not any(m.trained for m in messages[last + 1 :]):
        return ""
    return messages[last].content


def _said(messages: Conversation) -> list[str]:
    """Return what stands in the prompt when the last question is asked, line by line, as a chat leaves it out."""
    last = max(i for i, m in enumerate(messages) if m.role == "user")
    return [line for turn in messages[: last + 1] if turn.role != "system" for line in turn.content.split("\n")]


def _lines(hits: Sequence[Hit], redactor: Redactor | None) -> list[str]:
    """Return the recalled lines, oldest first, as a chat shows them; personal data as the data set shows it."""
    lines = [line for hit in sorted(hits, key=lambda hit: hit.when) for line in hit.text.split("\n")]
    if redactor is None:
        return lines
    return [redactor.redact(Message(chat="", id=0, sent_at=0, sender="", text=line)) for line in lines]
