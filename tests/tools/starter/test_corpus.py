"""Samples for the starter model are rendered in the words of chatclone's prompts."""

import random

import pytest

pytest.importorskip("tokenizers")

from tokenizers import Tokenizer

from chatclone.paths import starter_model
from tools.starter.chatstyle import ChatStyle, apply_style
from tools.starter.corpus import NO_LOSS, Conversation, Sample, SampleSource, encode, fill_names, to_messages

TURNS = (
    "Hi, I'm [User 1's name].",
    "Hello!",
    "Do you have pets?",
    "I love my two cats.",
    "Nice.",
    "My sister has a dog.",
    "I love dogs.",
    "Me too.",
    "Bye.",
    "See you.",
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """The starter's own tokenizer."""
    return Tokenizer.from_file(str(starter_model() / "tokenizer.json"))


class TestMessages:
    """What a sample looks like as messages."""

    def test_system_turn_lists_facts_of_both(self) -> None:
        """The clone's facts come first, the partner's after."""
        sample = Sample(("Theo", "Mira"), 1, (("I cook.",), ("I sing.", "I run.")), ((0, "hi"),))
        assert to_messages(sample)[0].text == (
            "You are Mira, chatting with Theo. Write the way Mira writes.\n"
            "About Mira:\n- I sing.\n- I run.\nAbout Theo:\n- I cook."
        )

    def test_group_names_every_partner(self) -> None:
        """With several partners, user turns carry their names."""
        sample = Sample(("Ana", "Mira", "Tom", "Li"), 1, (), ((0, "hi"), (1, "hey"), (3, "yo")))
        system, first, _, last = to_messages(sample)
        assert system.text.startswith("You are Mira, chatting with Ana, Tom and Li.")
        assert (first.context + first.text, last.context + last.text) == ("Ana: hi", "Li: yo")

    def test_memory_stands_before_the_last_user_turn(self) -> None:
        """Only the last user turn carries the block."""
        sample = Sample(("Theo", "Mira"), 1, (), ((0, "hi"), (1, "hey"), (0, "cat?")), False, "2023-05-08 Theo: cat")
        contexts = [message.context for message in to_messages(sample)]
        assert contexts == ["", "", "<memory>\n2023-05-08 Theo: cat\n</memory>\n"]

    def test_name_slots_are_filled(self) -> None:
        """A numbered slot is that speaker's name, a bare one the speaker's own."""
        assert fill_names("I'm [name], hi (User 2's name)", 0, ("Ana", "Li")) == "I'm Ana, hi Li"


class TestEncode:
    """Which tokens carry loss, and that pieces join to what a template gives."""

    def test_loss_covers_turns_and_their_ends(self, tokenizer: Tokenizer) -> None:
        """System turn, memory block, headers and names carry none."""
        sample = Sample(("Theo", "Mira", "Li"), 1, (), ((0, "hi"), (1, "hey you"), (2, "cat?")), True, "2023 Theo: cat")
        ids, labels = encode(to_messages(sample), tokenizer)
        kept = [label for label in labels if label != NO_LOSS]
        assert tokenizer.decode(kept, skip_special_tokens=False) == " hi<|im_end|>hey you<|im_end|> cat?<|im_end|>"
        assert all(label in (NO_LOSS, token) for token, label in zip(ids, labels, strict=True))

    def test_ids_equal_those_of_the_whole_text(self, tokenizer: Tokenizer) -> None:
        """Encoding piece by piece gives what encoding the rendered conversation gives."""
        source = SampleSource([Conversation("x", (("I cook.",), ("I sing.",)), TURNS), Conversation("y", (), TURNS)], 5)
        for _ in range(200):
            messages = to_messages(source.draw(random.Random(_).choice(source.conversations)))
            text = "".join(f"<|im_start|>{m.role}\n{m.context}{m.text}<|im_end|>\n" for m in messages)
            assert encode(messages, tokenizer)[0] == tokenizer.encode(text, add_special_tokens=False).ids


class TestSource:
    """Drawing samples."""

    def test_one_seed_gives_one_stream(self) -> None:
        """The same seed gives the same samples."""
        conversations = [Conversation("x", (("I cook.",), ("I sing.",)), TURNS), Conversation("y", (), TURNS)]
        streams = [iter(SampleSource(conversations, seed=7)) for _ in range(2)]
        assert [next(streams[0]) for _ in range(30)] == [next(streams[1]) for _ in range(30)]

    def test_held_out_does_not_depend_on_the_source(self) -> None:
        """The same turns are held out or not whatever else the line says."""
        assert Conversation("x", (), TURNS).held_out == Conversation("y", (("a",), ()), TURNS).held_out


def test_style_writes_bubbles_in_lower_case() -> None:
    """Habits change the look of a turn, not its words."""
    style = ChatStyle(lower=True, bare_end=True, bubbles=True)
    assert apply_style("I know. It was Great!", style, random.Random(0)) == "i know\nit was great!"
