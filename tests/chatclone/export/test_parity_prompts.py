"""The conversations that an export is compared on."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatclone.export.base_gguf import DIFFICULT_TEXTS
from chatclone.export.parity_prompts import Probe, probes
from chatclone.personas.persona import Persona
from chatclone.prompt.render import ChatMessage


def _line(*turns: tuple[str, str], partner: str = "Theo") -> dict[str, Any]:
    weights = {"assistant": {"weight": 1}, "user": {}}
    messages = [{"role": role, "content": text, **weights[role]} for role, text in turns]
    return {"messages": messages, "meta": {"partner": partner}}


def _write(persona: Persona, name: str, *lines: dict[str, Any]) -> None:
    persona.dataset_folder.mkdir(parents=True, exist_ok=True)
    (persona.dataset_folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def persona(tmp_path: Path) -> Persona:
    """A persona without a data set."""
    return Persona(tmp_path / "mira", "Mira", partners=("Theo",))


TWO = (("user", "hey"), ("assistant", "hi"), ("user", "soup?"), ("assistant", "yes 🍲"))


class TestPrompts:
    """Where a conversation is cut."""

    def test_before_each_reply(self) -> None:
        """Every reply to a message gives a prompt that ends before it."""
        turns = tuple(ChatMessage("user" if role == "user" else "assistant", text) for role, text in TWO)
        assert [prompt[-1].content for prompt in Probe(turns, "held_out").prompts()] == ["hey", "soup?"]

    def test_without_a_reply(self) -> None:
        """A conversation without a reply is a prompt itself."""
        turns = (ChatMessage("system", "s"), ChatMessage("user", "a"), ChatMessage("user", "b"))
        assert Probe(turns, "hostile").prompts() == [turns]

    def test_reply_to_nobody(self) -> None:
        """A reply that begins a conversation gives no prompt."""
        turns = (ChatMessage("system", "s"), ChatMessage("assistant", "hey"))
        assert Probe(turns, "held_out").prompts() == []


class TestChosen:
    """Held-out conversations first, then training data, then difficult text."""

    def test_as_trained(self, persona: Persona) -> None:
        """A line is rendered as training does it: its own partner in the system turn, its weights kept."""
        _write(persona, "eval.jsonl", _line(*TWO, partner="Anna"))
        first = probes(persona)[0]
        assert first.source == "held_out"
        assert first.messages[0].content == "You are Mira, chatting with Anna. Write the way Mira writes."
        assert [message.trained for message in first.messages] == [False, False, True, False, True]

    def test_no_more_than_wanted(self, persona: Persona) -> None:
        """Lines with the wanted number of prompts are taken, spread over the file."""
        lines = [_line(("user", str(number)), ("assistant", "ok")) for number in range(100)]
        _write(persona, "eval.jsonl", *lines)
        chosen = sorted(int(probe.messages[1].content) for probe in probes(persona, 10) if probe.source == "held_out")
        assert len(chosen) == 10
        gaps = [after - before for before, after in zip([0, *chosen], [*chosen, 99], strict=True)]
        assert max(gaps) <= 20

    def test_filled_up(self, persona: Persona) -> None:
        """Where too few are held out, training data is added."""
        _write(persona, "eval.jsonl", _line(*TWO))
        _write(persona, "train.jsonl", *[_line(*TWO)] * 9)
        sources = [probe.source for probe in probes(persona, 6)]
        assert sources == ["held_out", "training", "training", *["hostile"] * len(DIFFICULT_TEXTS)]

    def test_no_data(self, persona: Persona) -> None:
        """Without a data set only difficult text is left, with the persona's system turn."""
        assert [probe.messages[-1].content for probe in probes(persona)] == list(DIFFICULT_TEXTS)
        assert "chatting with Theo" in probes(persona)[0].messages[0].content
