"""The whole way on the real starter model and the demo export: import, train, export, chat, remember."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatclone.cli.main import main
from chatclone.clone.clone import Clone, Recalled, Reply, open_clone
from chatclone.gguf import export_record
from chatclone.ingest.import_run import Request, ingest
from chatclone.paths import demo_export
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona
from chatclone.prompt.render import ChatMessage
from chatclone.recall.persona_memory import EMBEDDER_VARIABLE
from chatclone.training.plan import make_plan
from chatclone.training.run_result import RunResult
from chatclone.training.train_run import run
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.widgets.memory_panel import MemoryPanel
from memory.memory import Memory
from tests.chatclone.tui import stage
from tests.contract import documented, missing

pytestmark = pytest.mark.starter

Trained = tuple[Path, Persona, RunResult]

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

MORE_QUESTIONS = (
    "did you feed admiral this morning?",
    "how many hearts does an octopus have?",
    "what did you give theo for his birthday?",
    "when are you going to the faroe islands?",
    "what do you think of coriander?",
    "haha same",
    "can you call me later? 📞",
    "shall we go to the market on saturday",
    "what was the name of that band again",
    "I lost my umbrella on the bus…",
)

ASKED = (*QUESTIONS, *MORE_QUESTIONS)
TIE = 0.02
"""Nats between two next tokens below which 16 and 32 bits may choose differently; parity finds 0.007 at most."""

FACTS = {
    "what is your cat called?": "admiral",
    "what did you give theo for his birthday?": "weather station",
    "how many hearts does an octopus have?": "three",
    "when are you going to the faroe islands?": "October",
    "what do you think of coriander?": "soap leaf",
}
"""A question about the demo person, and a word of the message that answers it."""


@pytest.fixture(scope="module", autouse=True)
def words_alone() -> Iterator[None]:
    """Memory searches by words alone: by meaning it finds more from the moment on when a thread is ready."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(EMBEDDER_VARIABLE, "none")
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Mira in the demo's own home, trained once, through her samples once: home, persona and the training's result."""
    home = tmp_path_factory.mktemp("home") / "demo"
    done = ingest(Request([demo_export()]), home)
    assert done.persona is not None
    result = run(
        done.persona, make_plan(done.persona, "starter", "demo", {"epochs": "1", "evaluations_per_epoch": "1"})
    )
    return home, personas.load(done.persona.folder), result


@pytest.fixture(scope="module")
def exported(trained: Trained, scripts: Path) -> dict[str, Any]:
    """Mira as GGUF, and the document of the export."""
    from chatclone.export.export_run import export

    home, persona, _ = trained
    # The converter that the tests keep, so that it is unpacked once.
    (home / "cache").mkdir(exist_ok=True)
    document: dict[str, Any] = msgspec.to_builtins(export(persona, quant="f16", home=home, llama_cpp=scripts))
    return document


@pytest.fixture(scope="module")
def merged(
    trained: Trained, exported: dict[str, Any], scripts: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Mira as one file, to a folder of its own so that the adapter stays the export that chats use."""
    from chatclone.export.export_run import export

    home, persona, _ = trained
    result = export(persona, "merged", "f16", tmp_path_factory.mktemp("stick"), home=home, llama_cpp=scripts)
    document: dict[str, Any] = msgspec.to_builtins(result)
    export_record.forget_export(persona, home, Path(document["files"][0]["path"]), None)
    return document


@pytest.fixture
def greedy(trained: Trained) -> Iterator[Clone]:
    """Mira on transformers, always the likeliest token."""
    home, persona, _ = trained
    clone, _ = open_clone(persona, home, engine="transformers")
    clone.sampling = replace(clone.sampling, temperature=0.0, max_tokens=40)
    yield clone
    clone.close()


@pytest.fixture(scope="module")
def gguf(trained: Trained, exported: dict[str, Any]) -> Iterator[Clone]:
    """Mira on llama.cpp, as a chat opens her."""
    home, persona, _ = trained
    clone, reason = open_clone(persona, home)
    assert clone.engine.name == "gguf", reason
    yield clone
    clone.close()


def reply_to(clone: Clone, text: str) -> Reply:
    *_, last = clone.reply([ChatMessage("user", text)])
    assert isinstance(last, Reply)
    return last


def test_training_learns(trained: Trained) -> None:
    """On her held-out replies the adapter is clearly better than the starter alone, in loss and in accuracy."""
    _, _, result = trained
    assert result.eval_loss < result.base_eval_loss - 0.3
    assert result.eval_token_accuracy > result.base_eval_token_accuracy


def test_replies_in_her_manner(greedy: Clone) -> None:
    """Replies are hers by their look: lower case, no full stop, ended by the model itself."""
    replies = [reply_to(greedy, question) for question in QUESTIONS]
    lines = [line for reply in replies for line in reply.bubbles]
    assert all(reply.text for reply in replies)
    assert sum(line[0].isupper() for line in lines) <= len(lines) / 4
    assert sum(line.endswith(".") for line in lines) <= len(lines) / 4
    assert sum(reply.stopped_by == "end_of_turn" for reply in replies) >= 9


@pytest.mark.parametrize(("question", "word"), FACTS.items())
def test_memory_finds_facts(gguf: Clone, question: str, word: str) -> None:
    """Asked about a fact, what is put into the starter's prompt, which is short, holds it."""
    turns = [ChatMessage("user", question)]
    recalled = next(gguf.reply(turns))
    assert isinstance(recalled, Recalled)
    assert word in gguf.prompt(turns, recalled.hits).text


def test_small_talk_recalls_nothing(trained: Trained) -> None:
    """A greeting brings up no old messages."""
    _, persona, _ = trained
    with Memory.open(persona.memory_file) as memory:
        assert memory.recall("hey what are you up to").hits == ()


def greedy_replies(clone: Clone) -> list[Reply]:
    """Answer twenty questions apart from each other, then the first three of them in one conversation."""
    clone.sampling = replace(clone.sampling, temperature=0.0, max_tokens=40)
    replies = [reply_to(clone, question) for question in ASKED]
    turns: list[ChatMessage] = []
    for question in QUESTIONS[:3]:
        turns.append(ChatMessage("user", question))
        *_, last = clone.reply(turns)
        assert isinstance(last, Reply)
        turns.append(ChatMessage("assistant", last.text))
        replies.append(last)
    return replies


@pytest.fixture(scope="module")
def replies(trained: Trained) -> list[Reply]:
    """What transformers says to twenty questions and in a short conversation."""
    home, persona, _ = trained
    clone, _ = open_clone(persona, home, engine="transformers")
    try:
        return greedy_replies(clone)
    finally:
        clone.close()


def gap(home: Path, persona: Persona, question: str, one: Reply, other: Reply) -> float:
    """Return by how much transformers prefers one of two replies where they part, in nats."""
    clone, _ = open_clone(persona, home, engine="transformers")
    try:
        engine: Any = clone.engine
        end = min(engine.template.stop_ids)
        ids, others = ([*engine.template.encode(reply.text), end] for reply in (one, other))
        parted = next(place for place, (a, b) in enumerate(zip(ids, others, strict=False)) if a != b)
        before = [*clone.prompt([ChatMessage("user", question)], one.memory).ids, *ids[:parted]]
        logits = engine.logits(before)[-1]
        return abs(float(logits[ids[parted]] - logits[others[parted]]))
    finally:
        clone.close()


@pytest.mark.parametrize("kind", ["adapter", "merged"])
def test_gguf_says_the_same(
    trained: Trained,
    exported: dict[str, Any],
    merged: dict[str, Any],
    replies: list[Reply],
    kind: str,
) -> None:
    """Greedy, twenty prompts and a conversation get the same replies from llama.cpp, exported either way in f16."""
    home, persona, _ = trained
    document = {"adapter": exported, "merged": merged}[kind]
    assert (document["kind"], document["quant"]) == (kind, "f16")
    assert document["parity"]["token_ids_equal"]
    assert document["parity"]["top1_agreement"] >= 0.99
    clone, _ = open_clone(persona, home, engine="gguf", model=Path(document["files"][0]["path"]))
    try:
        ours = greedy_replies(clone)
    finally:
        clone.close()
    assert [reply.memory for reply in ours[: len(ASKED)]] == [reply.memory for reply in replies[: len(ASKED)]]
    pairs = list(zip(ours, replies, strict=True))
    for question, (one, other) in zip(ASKED, pairs, strict=False):
        assert one.text == other.text or gap(home, persona, question, one, other) < TIE
    assert sum(one.text == other.text for one, other in pairs[: len(ASKED)]) >= len(ASKED) - 1
    if pairs[0][0].text == pairs[0][1].text:  # else the conversation went another way from there on
        assert pairs[len(ASKED)][0].text == pairs[len(ASKED)][1].text
    assert len(replies) >= 20
    assert sum(bool(reply.memory) for reply in replies) >= 8


async def test_in_the_app(trained: Trained, exported: dict[str, Any], tmp_path: Path) -> None:
    """A question is answered in bubbles as the model wrote it, and the panel shows what it was given to remember."""
    home, persona, _ = trained
    question, word = next(iter(FACTS.items()))
    store = stage.store_in(tmp_path)
    app = ChatcloneApp(persona, lambda: open_clone(persona, home), store)
    async with app.run_test(size=(120, 40)) as pilot:
        await stage.awake(pilot)
        await pilot.press("f2")
        await stage.send(pilot, question)
        await stage.quiet(pilot)
        (_, (reply, state)) = stage.said(store)
        assert state in ("done", "length")
        assert stage.lines(app) == [question, *(line.strip() for line in reply.split("\n") if line.strip())]
        assert word in " ".join(str(hit.render()) for hit in app.screen.query_one(MemoryPanel).query(".hit"))
    store.close()


def test_demo_command(
    trained: Trained,
    exported: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`chatclone demo --once` uses what exists; its document, the training's and the export's are the contract's."""
    home, _, _ = trained
    assert main(["demo", "--home", str(home.parent), "--once", "hey what are you up to", "--json", "--seed", "1"]) == 0
    document = json.loads(capsys.readouterr().out)
    examples = documented()
    assert missing(examples["chat --once"], document) == []
    assert missing(examples["export"], exported) == []
    assert missing(examples["train"], trained[2].document()) == []
    assert document["engine"] == "gguf"
    assert document["bubbles"]
