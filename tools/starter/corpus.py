"""Training samples in the words of chatclone's real prompts, drawn afresh from a seed.

A sample is a list of `Message`: a system turn (often), then turns of user and assistant. `encode` renders it in
ChatML and marks which tokens carry loss: the text of every user and assistant turn and its `<|im_end|>`; never the
system turn, a recalled memory block or a role header.
"""

import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from tokenizers import Tokenizer

from tools.starter.chatstyle import ChatStyle, apply_style, random_style
from tools.starter.names import NAMES
from tools.starter.recall import ask_about_facts, ask_about_lines, ask_for_all

NO_LOSS = -100  # the label that torch's cross entropy leaves out
HELD_OUT_SHARE = 50  # one conversation in 50 is never trained on
STYLED_SHARE = 0.35  # of the samples are rewritten in a chat style
RECALL_SHARE = 0.25  # recall samples for each sample of a conversation, once they are on
PERSONA_COPIES = 8  # times a conversation with persona facts is met in an epoch
NAME_SLOT = re.compile(
    r"[\[(](?:(?:insert )?(?:your |user ?_?([12])?(?:'s)? ?_?)?name|user ?([12]))[\])]", re.IGNORECASE
)
ANY_SLOT = re.compile(r"\[[^\]]{2,40}\]")
FIRST_PERSON = re.compile(r"^(I|My|I'm|I've|We|Our) .{8,70}[.!]$")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class Conversation:
    """Two speakers taking turns, speaker 0 first; `persona` holds each one's facts or is empty."""

    source: str
    persona: tuple[tuple[str, ...], ...]
    turns: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        """Whether the conversation belongs to the held-out part: decided by its own text, so it is stable."""
        digest = hashlib.sha256("\n".join(self.turns).encode()).digest()
        return int.from_bytes(digest[:4], "big") % HELD_OUT_SHARE == 0


@dataclass(frozen=True)
class Message:
    """One turn; `context` is text before the speaker's own words (a memory block, a name) that carries no loss."""

    role: str
    text: str
    context: str = ""


@dataclass(frozen=True)
class Sample:
    """A conversation's turns with the names, facts and speaker indices that a prompt is made of."""

    names: tuple[str, ...]
    assistant: int
    facts: tuple[tuple[str, ...], ...]
    turns: tuple[tuple[int, str], ...]
    has_system: bool = True
    memory: str = ""


def load_conversations(path: Path) -> list[Conversation]:
    """Read the gzipped lines of conversations, trimmed turns only."""
    conversations = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            turns = tuple(turn.strip() for turn in row["turns"] if turn.strip())
            conversations.append(Conversation(row["source"], tuple(map(tuple, row["persona"])), turns))
    return conversations


def training_part(conversations: list[Conversation]) -> list[Conversation]:
    """Return the conversations to train on: not held out, and without slots that no name fills."""
    return [
        conversation
        for conversation in conversations
        if not conversation.held_out
        and not any(ANY_SLOT.search(NAME_SLOT.sub("", turn)) for turn in conversation.turns)
    ]


def fill_names(text: str, speaker: int, names: tuple[str, ...]) -> str:
    """Replace "[User 1's name]" and its kin; a slot without a number is the speaker's own name."""

    def name_for(match: re.Match[str]) -> str:
        number = match.group(1) or match.group(2)
        return names[int(number) - 1 if number else speaker]

    return NAME_SLOT.sub(name_for, text)


def system_text(sample: Sample) -> str:
    """Return the system turn exactly as chatclone writes it."""
    name = sample.names[sample.assistant]
    others = [other for i, other in enumerate(sample.names) if i != sample.assistant]
    partner = others[0] if len(others) == 1 else ", ".join(others[:-1]) + " and " + others[-1]
    text = f"You are {name}, chatting with {partner}. Write the way {name} writes."
    about = [sample.assistant, *(i for i in range(len(sample.names)) if i != sample.assistant)]
    for speaker in about:
        if speaker < len(sample.facts) and sample.facts[speaker]:
            text += f"\nAbout {sample.names[speaker]}:" + "".join(f"\n- {fact}" for fact in sample.facts[speaker])
    return text


def to_messages(sample: Sample) -> list[Message]:
    """Return the sample's messages; the memory block goes before the last user turn's own words."""
    messages = [Message("system", system_text(sample))] if sample.has_system else []
    for speaker, text in sample.turns:
        if speaker == sample.assistant:
            messages.append(Message("assistant", text))
        else:
            context = f"{sample.names[speaker]}: " if len(sample.names) > 2 else ""
            messages.append(Message("user", text, context))
    if sample.memory:
        last = max(i for i, message in enumerate(messages) if message.role == "user")
        block = f"<memory>\n{sample.memory}\n</memory>\n"
        messages[last] = replace(messages[last], context=block + messages[last].context)
    return messages


def encode(messages: list[Message], tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return token ids and labels of a ChatML rendering, both of shape [tokens]."""
    pieces: list[tuple[str, bool]] = []
    for message in messages:
        pieces.append((f"<|im_start|>{message.role}\n", False))
        if message.context.endswith(" "):  # "Ana: text": the space belongs to the first word's token
            pieces += [(message.context[:-1], False), (" " + message.text, True)]
        else:
            pieces += [(message.context, False), (message.text, message.role != "system")]
        pieces += [("<|im_end|>", message.role != "system"), ("\n", False)]
    ids: list[int] = []
    labels: list[int] = []
    for encoding, (_, has_loss) in zip(
        tokenizer.encode_batch_fast([piece for piece, _ in pieces], add_special_tokens=False), pieces, strict=True
    ):
        ids += encoding.ids
        labels += encoding.ids if has_loss else [NO_LOSS] * len(encoding.ids)
    return ids, labels


class SampleSource:
    """Draws samples from conversations; one seed gives one endless, repeatable stream."""

    def __init__(self, conversations: list[Conversation], seed: int) -> None:
        self.conversations = conversations
        self.has_recall = False  # whether short samples about facts and memories are mixed in
        self.rng = random.Random(seed)
        self.order = [
            index
            for index, conversation in enumerate(conversations)
            for _ in range(PERSONA_COPIES if conversation.persona else 1)
        ]

    def __iter__(self) -> Iterator[Sample]:
        while True:
            self.rng.shuffle(self.order)
            for index in self.order:
                yield self.draw(self.conversations[index])
                if self.has_recall and self.rng.random() < RECALL_SHARE:
                    yield self.draw_recall()

    def draw(self, conversation: Conversation) -> Sample:
        """Return a fresh sample of one conversation: roles, names, facts, memory and style are drawn."""
        rng = self.rng
        names = tuple(rng.sample(NAMES, 2))
        turns = [(i % 2, fill_names(turn, i % 2, names)) for i, turn in enumerate(conversation.turns)]
        assistant = rng.randrange(2)
        if assistant == turns[0][0] and rng.random() < 0.5:
            turns = turns[1:]
        sample = Sample(names, assistant, (), tuple(turns), has_system=rng.random() < 0.5)
        if conversation.persona:
            sample = self.with_persona(sample, conversation)
        elif rng.random() < 0.3:
            sample = self.with_later_facts(sample)
        if rng.random() < STYLED_SHARE:
            sample = self.with_style(sample)
        if rng.random() < 0.15 and len(sample.turns) > 8:
            sample = self.with_memory(sample)
        if rng.random() < 0.05:
            sample = self.with_third_user(sample)
        return sample

    def with_persona(self, sample: Sample, conversation: Conversation) -> Sample:
        """Put shuffled persona facts into the system turn, sometimes a subset or one speaker's only."""
        rng = self.rng
        if rng.random() > 0.9:
            return sample
        facts = [rng.sample(list(own), len(own)) for own in conversation.persona]
        if rng.random() < 0.3:
            facts = [own[: rng.randint(1, len(own))] if own else own for own in facts]
        if rng.random() < 0.3:
            facts[1 - sample.assistant] = []
        return replace(sample, facts=tuple(map(tuple, facts)), has_system=True)

    def with_later_facts(self, sample: Sample) -> Sample:
        """Make facts of short first-person sentences that the assistant says later on, among foreign ones."""
        rng = self.rng
        own = first_person([text for speaker, text in sample.turns[2:] if speaker == sample.assistant])
        if not own:
            return sample
        facts = rng.sample(own, min(len(own), rng.randint(2, 4)))
        for _ in range(rng.randint(0, 3)):
            facts += rng.sample(foreign, 1) if (foreign := first_person(self.another().turns)) else []
        rng.shuffle(facts)
        both: list[tuple[str, ...]] = [(), ()]
        both[sample.assistant] = tuple(facts)
        return replace(sample, facts=tuple(both), has_system=True)

    def with_style(self, sample: Sample) -> Sample:
        """Write one or both speakers' turns in a chat style of their own."""
        rng = self.rng
        plain = ChatStyle()
        styles = [random_style(rng) if rng.random() < 0.75 else plain for _ in range(2)]
        turns = [
            (speaker, apply_style(text, styles[speaker], rng) if styles[speaker] != plain else text)
            for speaker, text in sample.turns
        ]
        return replace(sample, turns=tuple(turns))

    def with_memory(self, sample: Sample) -> Sample:
        """Drop the first turns and recall some of them, or foreign lines, or both, in a memory block."""
        rng = self.rng
        cut = rng.randint(2, len(sample.turns) - 5)
        end = rng.randint(cut + 3, len(sample.turns))
        lines: list[tuple[int, str]] = []
        if rng.random() < 0.75:
            lines += rng.sample(sample.turns[:cut], min(cut, rng.randint(1, 4)))
        if not lines or rng.random() < 0.4:
            foreign = self.another().turns
            lines += [(rng.randrange(2), turn) for turn in rng.sample(foreign, min(len(foreign), rng.randint(1, 2)))]
        rng.shuffle(lines)
        turns = sample.turns[cut:end]
        if all(speaker == sample.assistant for speaker, _ in turns):
            return sample
        return replace(sample, turns=turns, memory=self.memory_lines(lines[:5], sample.names))

    def memory_lines(self, lines: list[tuple[int, str]], names: tuple[str, ...]) -> str:
        """Return the lines of a memory block, with ascending dates."""
        day = date(2016, 1, 1) + timedelta(days=self.rng.randrange(4000))
        dated = []
        for speaker, text in lines:
            dated.append(f"{day} {names[speaker]}: {' '.join(text.split())[:160]}")
            day += timedelta(days=self.rng.choice((0, 0, 1, 3, 20, 90)))
        return "\n".join(dated)

    def draw_recall(self) -> Sample:
        """Return a short sample whose replies repeat facts of the system turn or lines of a memory block."""
        rng = self.rng
        names, assistant = tuple(rng.sample(NAMES, 2)), rng.randrange(2)
        facts, turns = ask_about_facts(rng, assistant)
        sample = Sample(names, assistant, facts, turns)
        kind = rng.random()
        if kind < 0.3:
            lines = [(rng.randrange(2), " ".join(rng.choice(self.another().turns).split()[:25])) for _ in range(3)]
            lines = lines[: rng.randint(1, 3)]
            if asked := ask_about_lines(rng, lines, assistant):
                memory = self.memory_lines(lines, names)
                sample = Sample(names, assistant, (), asked, memory=memory)
        elif kind < 0.7:
            sentences = [s for _ in range(8) for s in first_person(self.another().turns)[:1]][: rng.randint(2, 6)]
            if sentences:
                facts, turns = ask_for_all(rng, sentences, assistant)
                sample = Sample(names, assistant, facts, turns)
        return self.with_style(sample) if rng.random() < 0.3 else sample

    def with_third_user(self, sample: Sample) -> Sample:
        """Attribute some of the user's turns to one or two more names, as in a group chat."""
        rng = self.rng
        more = tuple(name for name in rng.sample(NAMES, rng.randint(1, 2)) if name not in sample.names)
        names = sample.names + more
        users = [i for i in range(len(names)) if i != sample.assistant]
        turns = [(s if s == sample.assistant else rng.choice(users), text) for s, text in sample.turns]
        return replace(sample, names=names, turns=tuple(turns), has_system=True)

    def another(self) -> Conversation:
        """Return an unrelated conversation."""
        return self.rng.choice(self.conversations)


def first_person(turns: list[str] | tuple[str, ...]) -> list[str]:
    """Return the short first-person sentences of turns."""
    return [part for turn in turns for part in SENTENCE_END.split(turn) if FIRST_PERSON.match(part)]
