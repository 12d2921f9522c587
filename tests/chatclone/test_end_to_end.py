"""The whole way on the real starter model and the demo export: import, train, export, chat, remember."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatclone import persona as personas
from chatclone.cli.main import main
from chatclone.clone import Clone, Reply, open_clone
from chatclone.ingest import Request, ingest
from chatclone.locations import demo_export
from chatclone.persona import Persona
from chatclone.prompt import ChatMessage
from chatclone.training.plan import make_plan
from chatclone.training.run import run
from memory.memory import Memory

pytestmark = pytest.mark.starter

QUESTIONS = (
    "hey what are you up to",
    "what's your cat called?",
    "how was work today?",
    "are you coming to the quiz on thursday?",
    "did you eat anything green this week?",
    "I'm so tired",
    "tell me about lisbon",
    "what should I get for dinner?",
    "do you like geese?",
    "good night!",
)

FACTS = {
    "what is your cat called?": "admiral",
    "what did you give theo for his birthday?": "weather station",
    "how many hearts does an octopus have?": "three",
    "when are you going to the faroe islands?": "October",
    "what do you think of coriander?": "soap leaf",
}
"""A question about the demo person, and a word of the message that answers it."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Persona, dict[str, Any]]:
    """Mira, imported and trained for one epoch in the demo's own home: the home, the persona, the training's result."""
    home = tmp_path_factory.mktemp("home") / "demo"
    done = ingest(Request([demo_export()]), home)
    assert done.persona is not None
    result = run(
        done.persona, make_plan(done.persona, "starter", "demo", {"epochs": "1", "evaluations_per_epoch": "1"})
    )
    return home, personas.load(done.persona.folder), result


@pytest.fixture(scope="module")
def exported(trained: tuple[Path, Persona, dict[str, Any]], scripts: Path) -> dict[str, Any]:
    """Mira as GGUF, and the document of the export."""
    from chatclone.export.run import export

    home, persona, _ = trained
    # The converter that the tests keep, so that it is unpacked once.
    (home / "cache").mkdir(exist_ok=True)
    return export(persona, quant="f16", home=home, llama_cpp=scripts)


@pytest.fixture
def greedy(trained: tuple[Path, Persona, dict[str, Any]]) -> Iterator[Clone]:
    """Mira on transformers, always the likeliest token."""
    home, persona, _ = trained
    clone, _ = open_clone(persona, home, engine="transformers")
    clone.sampling = replace(clone.sampling, temperature=0.0, max_tokens=40)
    yield clone
    clone.close()


def reply_to(clone: Clone, text: str) -> Reply:
    *_, last = clone.reply([ChatMessage("user", text)])
    assert isinstance(last, Reply)
    return last


def test_training_learns(trained: tuple[Path, Persona, dict[str, Any]]) -> None:
    """On her held-out replies the adapter is clearly better than the starter alone, in loss and in accuracy."""
    _, _, result = trained
    assert result["eval_loss"] < result["base_eval_loss"] - 0.3
    assert result["eval_token_accuracy"] > result["base_eval_token_accuracy"]


def test_replies_in_her_manner(greedy: Clone) -> None:
    """Replies are hers by their look: lower case, no full stop, ended by the model itself."""
    replies = [reply_to(greedy, question) for question in QUESTIONS]
    lines = [line for reply in replies for line in reply.bubbles]
    assert all(reply.text for reply in replies)
    assert sum(line[0].isupper() for line in lines) <= len(lines) / 4
    assert sum(line.endswith(".") for line in lines) <= len(lines) / 4
    assert sum(reply.stopped_by == "end_of_turn" for reply in replies) >= 9


@pytest.mark.parametrize(("question", "word"), FACTS.items())
def test_memory_finds_facts(trained: tuple[Path, Persona, dict[str, Any]], question: str, word: str) -> None:
    """Asked about a fact, what is put into the prompt of the starter, 200 words, holds it."""
    _, persona, _ = trained
    with Memory.open(persona.memory_file) as memory:
        assert word in "\n".join(hit.text for hit in memory.recall(question, words=200).hits)


def test_small_talk_recalls_nothing(trained: tuple[Path, Persona, dict[str, Any]]) -> None:
    """A greeting brings up no old messages."""
    _, persona, _ = trained
    with Memory.open(persona.memory_file) as memory:
        assert memory.recall("hey what are you up to").hits == ()


def test_gguf_says_the_same(
    trained: tuple[Path, Persona, dict[str, Any]], exported: dict[str, Any], greedy: Clone
) -> None:
    """Greedy, ten prompts get the same replies through llama.cpp as through transformers, memory included."""
    home, persona, _ = trained
    assert exported["parity"]["token_ids_equal"]
    assert exported["parity"]["top1_agreement"] >= 0.99
    gguf, reason = open_clone(persona, home)
    assert gguf.engine.name == "gguf", reason
    gguf.sampling = greedy.sampling
    try:
        for question in QUESTIONS:
            ours, theirs = reply_to(gguf, question), reply_to(greedy, question)
            assert (ours.text, ours.memory) == (theirs.text, theirs.memory)
    finally:
        gguf.close()


def test_demo_command(
    trained: tuple[Path, Persona, dict[str, Any]],
    exported: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`chatclone demo --once` finds what is done already and prints the contract's document."""
    home, _, _ = trained
    assert main(["demo", "--home", str(home.parent), "--once", "hey what are you up to", "--json", "--seed", "1"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == [
        "reply", "bubbles", "stopped_by", "memory", "prompt_tokens", "cached_tokens", "reply_tokens",
        "first_token_ms", "tokens_per_second", "engine", "model",
    ]  # fmt: skip
    assert document["engine"] == "gguf"
    assert document["bubbles"]
