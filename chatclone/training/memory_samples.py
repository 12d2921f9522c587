"""Memory in training samples: recalled lines before the last reply, so that the adapter learns to use them.

They have the form and the place they have in a chat, and come from messages sent before the sample's session began: a
reply never sees what was said later, nor its own conversation twice. Some samples get lines that do not answer the
question, so that the adapter learns to ignore those too. The same seed gives the same samples.
"""

import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from chatclone.clone.clone import CONTEXT_A_WORD, MEMORY_WORDS
from chatclone.engines.token_loop import MAX_CONTEXT
from chatclone.prompt.memory_block import with_memory
from chatclone.prompt.render import ChatTemplate, PromptError
from chatclone.recall.persona_memory import open_file
from chatclone.training.tokenized_data import Conversation
from importers.message import Message
from importers.privacy.redaction import Redactor
from memory.search.recall import Hit, Recall

OTHER_QUESTIONS = 5
"""Questions of other samples that are tried to find irrelevant lines for this one."""
TRIES = 3
"""Tries at recalling what fits, each with half the words of the one before: no turn is dropped for memory."""


class Recaller(Protocol):
    """The part of a memory that is used here."""

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


class Share(NamedTuple):
    """The share of samples with recalled lines, and the share of those whose lines do not answer the question."""

    samples: float
    irrelevant: float


class Limits(NamedTuple):
    """Words of recalled lines and tokens of a whole sample at most; `tokens` counts the latter."""

    words: int
    sample_tokens: int
    tokens: Callable[[Conversation], int]


class WithMemory(NamedTuple):
    """The conversations, some with recalled lines; `undated` ones do not say when their session began."""

    conversations: list[Conversation]
    with_memory: int = 0
    irrelevant: int = 0
    undated: int = 0


def add_memory_from(
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
) -> WithMemory:
    """Add lines recalled from the memory at `file` to samples of at most `limit` tokens for a base of `context`."""
    with open_file(file) as memory:
        return add_memory(
            conversations,
            metas,
            memory,
            share,
            Limits(memory_words(context), limit, lambda turns: _tokens(template, turns)),
            name=name,
            seed=seed,
            redactor=Redactor() if redact else None,
        )


def memory_words(context: int) -> int:
    """Return the words of recalled lines that a chat with a model of this context has at most."""
    return min(MEMORY_WORDS, min(context, MAX_CONTEXT) // CONTEXT_A_WORD)


def add_memory(
    conversations: Sequence[Conversation],
    metas: Sequence[dict[str, Any]],
    memory: Recaller,
    share: Share,
    limits: Limits,
    *,
    name: str,
    seed: int,
    redactor: Redactor | None,
) -> WithMemory:
    """Add recalled lines to the wanted share of the samples, if something is found and fits.

    `name` is the persona's, whom the partners ask.
    """
    rng = random.Random(seed)
    dated = [i for i, meta in enumerate(metas) if isinstance(meta.get("session"), int) and _question(conversations[i])]
    wanted = round(share.samples * len(conversations))
    result = list(conversations)
    added = irrelevant = 0
    for i in rng.sample(dated, len(dated)):
        if added >= wanted:
            break
        others = [_question(conversations[n]) for n in rng.sample(dated, min(OTHER_QUESTIONS, len(dated))) if n != i]
        if rng.random() >= share.irrelevant:
            others = []
        recall = partial(
            memory.recall,
            exclude=_prompt_lines(conversations[i]),
            before=metas[i]["session"],
            asked=name,
            asker=metas[i].get("partner") or None,
        )
        if found := _with_memory(recall, conversations[i], others, limits, redactor):
            result[i], is_irrelevant = found
            added += 1
            irrelevant += is_irrelevant
    return WithMemory(result, added, irrelevant, len(conversations) - len(dated))


def _with_memory(
    recall: Callable[..., Recall],
    messages: Conversation,
    others: Sequence[str],
    limits: Limits,
    redactor: Redactor | None,
) -> tuple[Conversation, bool] | None:
    """Return a sample with as many recalled lines as fit, and whether they are irrelevant; None if none fit."""
    for attempt in range(TRIES):
        hits, irrelevant = _hits(recall, limits.words // 2**attempt, _question(messages), others)
        if not hits:
            return None
        longer = with_memory(messages, _lines(hits, redactor))
        if limits.tokens(longer) <= limits.sample_tokens:
            return longer, irrelevant
    return None


def _hits(
    recall: Callable[..., Recall], words: int, question: str, others: Sequence[str]
) -> tuple[tuple[Hit, ...], bool]:
    """Return what is recalled for the first of `others` that finds only irrelevant lines, else for the question.

    The second value tells whether the lines are irrelevant: they do not answer the question.
    """
    own = recall(question, words=words).hits
    relevant = {line for hit in own for line in hit.text.split("\n")}
    for other_question in others:
        other = recall(other_question, words=words).hits
        if irrelevant := tuple(hit for hit in other if relevant.isdisjoint(hit.text.split("\n"))):
            return irrelevant, True
    return own, False


def _tokens(template: ChatTemplate, messages: Conversation) -> int:
    """Return the tokens of a whole conversation; one the template cannot render whole counts as too long."""
    try:
        return len(template.encode(template.render(messages, reply_next=False)))
    except PromptError:
        return sys.maxsize


def _question(messages: Conversation) -> str:
    """Return the last user turn, for which a chat would recall; empty if nothing after it is trained."""
    last = max((i for i, m in enumerate(messages) if m.role == "user"), default=None)
    if last is None or not any(m.trained for m in messages[last + 1 :]):
        return ""
    return messages[last].content


def _prompt_lines(messages: Conversation) -> list[str]:
    """Return the lines that are in the prompt when the last question is asked; a chat does not recall them either."""
    last = max(i for i, m in enumerate(messages) if m.role == "user")
    return [line for turn in messages[: last + 1] if turn.role != "system" for line in turn.content.split("\n")]


def _lines(hits: Sequence[Hit], redactor: Redactor | None) -> list[str]:
    """Return the recalled lines, oldest first, as a chat shows them, redacted as the data set is."""
    lines = [line for hit in sorted(hits, key=lambda hit: hit.when) for line in hit.text.split("\n")]
    if redactor is None:
        return lines
    return [redactor.redact(Message(chat="", id=0, sent_at=0, sender="", text=line)) for line in lines]
