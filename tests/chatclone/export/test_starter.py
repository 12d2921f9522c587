"""The built-in starter model answers alike through transformers and through its f16 GGUF."""

from pathlib import Path

import pytest

from chatclone.engines.choose import resolve_base
from chatclone.engines.protocol import Piece, Sampling
from chatclone.engines.token_loop import LocalEngine
from chatclone.export.base_gguf import DIFFICULT_TEXTS, base_gguf
from chatclone.export.parity import compare, prompt_ids_equal, readings
from chatclone.export.parity_prompts import Probe
from chatclone.prompt.render import ChatMessage

pytestmark = pytest.mark.starter

SYSTEM = ChatMessage("system", "You are Mira, chatting with Theo. Write the way Mira writes.")
QUESTIONS = (
    "hey what are you up to",
    "do you like dogs?",
    "what did you do today 😀",
    "tell me about your job",
    "where do you live?",
    "have you seen any good movies lately",
    "i had pizza again haha",
    "what music do you listen to?",
    "are we still on for friday",
    "good night!",
)


def _reply(engine: LocalEngine, question: str) -> str:
    prompt = engine.template.prompt([SYSTEM, ChatMessage("user", question)], engine.context - 64)
    events = engine.generate(prompt, Sampling(temperature=0, max_tokens=64), lambda: False)
    return "".join(event.text for event in events if isinstance(event, Piece))


def test_same_replies(scripts: Path, tmp_path: Path) -> None:
    """Ten greedy replies are equal letter by letter, and so are the ids of difficult text."""
    from chatclone.engines.llama_cpp import LlamaEngine
    from chatclone.engines.transformers import TransformersEngine

    base = resolve_base("starter")
    engine = LlamaEngine(base_gguf(base, "starter", "f16", tmp_path, scripts, lambda _: None))
    reference = TransformersEngine(base)
    for question in QUESTIONS:
        assert _reply(engine, question) == _reply(reference, question) != ""
    probes = [Probe((SYSTEM, ChatMessage("user", text)), "hostile") for text in DIFFICULT_TEXTS]
    assert prompt_ids_equal(reference.template, engine.template, probes, 512)
    agreement, _ = compare(reference, engine, readings(reference.template, probes, 512))
    assert agreement.top1_agreement >= 0.99
    engine.close()
