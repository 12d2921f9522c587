"""The llama.cpp engine, and the GGUF file under it, on a tiny random model."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chatclone.engines import hardware
from chatclone.engines.protocol import Piece, Reading, Sampling, Stopped
from chatclone.errors import ChatcloneError
from chatclone.export.base_gguf import DIFFICULT_TEXTS
from chatclone.gguf.load_progress import LoadingCancelled
from chatclone.prompt.render import ChatMessage
from tests.chatclone.conftest import Tiny

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")

from chatclone.engines.llama_cpp import LlamaEngine
from chatclone.engines.transformers import TransformersEngine
from chatclone.gguf.model_file import GgufModel

GREEDY = Sampling(temperature=0, max_tokens=24)
LEVEL = 0.1
"""Logits closer than this count as equal: f16 makes half of this difference in the tiny model."""
QUESTIONS = (
    "hey",
    "what are you up to",
    "soup? 🍲",
    "do you like dogs",
    "2023?",
    "привет",
    "why",
    "ok",
    "see you",
    "haha",
)


@pytest.fixture(scope="module")
def engine(tiny: Tiny) -> Iterator[LlamaEngine]:
    """The tiny model with its adapter."""
    engine = LlamaEngine(tiny.gguf, tiny.lora)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def reference(tiny: Tiny) -> TransformersEngine:
    """The same in transformers."""
    return TransformersEngine(tiny.base, tiny.adapter)


def _asked(text: str) -> list[ChatMessage]:
    return [ChatMessage("system", "You are Mira."), ChatMessage("user", text)]


def _settled_tokens(reference: TransformersEngine, text: str) -> int:
    """Return how many tokens of the greedy reply come before two are as likely as rounding to f16 is exact.

    A model of random weights is often undecided, unlike one that has learned something.
    """
    prompt = reference.template.prompt(_asked(text), 200).ids
    ids = list(prompt)
    while len(ids) < len(prompt) + GREEDY.max_tokens:
        logits = reference.logits(ids)[-1]
        second, first = np.sort(logits)[-2:]
        if first - second < LEVEL:
            break
        ids.append(int(logits.argmax()))
    return len(ids) - len(prompt)


def _reply(engine: LlamaEngine | TransformersEngine, text: str, sampling: Sampling) -> str:
    events = list(engine.generate(engine.template.prompt(_asked(text), 200), sampling, lambda: False))
    assert isinstance(events[-1], Stopped)
    return "".join(e.text for e in events if isinstance(e, Piece))


class TestEqualToTransformers:
    """The exported model is the same model."""

    @pytest.mark.parametrize("question", QUESTIONS)
    def test_greedy_replies(self, engine: LlamaEngine, reference: TransformersEngine, question: str) -> None:
        """A greedy reply in f16 is, letter by letter, that of transformers, as far as no two tokens are level."""
        sampling = Sampling(temperature=0, max_tokens=_settled_tokens(reference, question))
        assert sampling.max_tokens > 0
        assert _reply(engine, question, sampling) == _reply(reference, question, sampling)

    @pytest.mark.parametrize("text", DIFFICULT_TEXTS)
    def test_token_ids(self, engine: LlamaEngine, reference: TransformersEngine, text: str) -> None:
        """Both tokenizers give the same ids and the same text."""
        ids = engine.template.encode(text)
        assert ids == reference.template.encode(text)
        assert engine.template.decode(ids) == reference.template.decode(ids)

    def test_template(self, engine: LlamaEngine, reference: TransformersEngine) -> None:
        """Template, end-of-turn tokens, markers and variables survive the conversion."""
        ours, theirs = engine.template, reference.template
        assert (ours.source, ours.stop_ids, ours.markers) == (theirs.source, theirs.stop_ids, theirs.markers)
        assert ours.variables == theirs.variables

    def test_logits(self, engine: LlamaEngine, reference: TransformersEngine) -> None:
        """Logits agree at every position, over more than one batch."""
        ids = engine.template.encode("hey what are you up to " * 20)[:250]
        ours, theirs = engine.logits(ids), reference.logits(ids)
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 0.1

    def test_without_adapter(self, tiny: Tiny, engine: LlamaEngine) -> None:
        """The adapter is applied: the base alone replies differently."""
        base = LlamaEngine(tiny.gguf)
        assert _reply(base, "hey", GREEDY) != _reply(engine, "hey", GREEDY)
        base.close()

    def test_strength(self, tiny: Tiny, engine: LlamaEngine) -> None:
        """At 0 the base replies alone, at 1 with the adapter, without reloading."""
        base = LlamaEngine(tiny.gguf)
        whole = _reply(engine, "hey", GREEDY)
        engine.set_strength(0.0)
        assert _reply(engine, "hey", GREEDY) == _reply(base, "hey", GREEDY)
        engine.set_strength(1.0)
        assert _reply(engine, "hey", GREEDY) == whole
        with pytest.raises(ChatcloneError, match="adapter is merged"):
            base.set_strength(0.5)
        base.close()


class TestGeneration:
    """Replies are reproducible, the prefix is cached, and a generation can be cancelled."""

    def test_seed_repeats(self, engine: LlamaEngine) -> None:
        """A seed gives one reply, another seed another."""
        _reply(engine, "hey", GREEDY)  # so that all three find the same prefix
        three, again, four = (_reply(engine, "hey", Sampling(seed=s, max_tokens=24)) for s in (3, 3, 4))
        assert three == again != four

    def test_prefix_is_kept(self, engine: LlamaEngine) -> None:
        """The next turn of a conversation reads only new tokens."""
        turns = [ChatMessage("user", "hey")]
        list(engine.generate(engine.template.prompt(turns, 200), GREEDY, lambda: False))
        longer = engine.template.prompt([*turns, ChatMessage("assistant", "hi"), ChatMessage("user", "soup?")], 200)
        reading = next(iter(engine.generate(longer, GREEDY, lambda: False)))
        assert isinstance(reading, Reading)
        assert reading.cached >= len(engine.template.prompt(turns, 200).ids)

    def test_stopped_while_reading(self, engine: LlamaEngine) -> None:
        """Cancelling within a prompt batch ends the generation, and the engine stays usable."""
        expected = _reply(engine, "hey", GREEDY)
        asked = iter([False] * 4)
        prompt = engine.template.prompt([ChatMessage("user", "quite another text " * 8)], 200)
        events = list(engine.generate(prompt, GREEDY, lambda: next(asked, True)))
        assert [type(e) for e in events] == [Reading, Stopped]
        assert _reply(engine, "hey", GREEDY) == expected


def test_without_the_training_stack() -> None:
    """A GGUF runs where torch is not installed."""
    code = "import sys, chatclone.engines.llama_cpp; print({'torch', 'transformers', 'peft'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


SILENT = """
import logging, sys
from pathlib import Path
from chatclone.errors import ChatcloneError
from chatclone.gguf.load_progress import LoadingCancelled
if sys.argv[2]:
    logging.basicConfig(filename=sys.argv[2], level=logging.INFO)
from chatclone.engines.llama_cpp import LlamaEngine
LlamaEngine(Path(sys.argv[1])).close()
try:
    LlamaEngine(Path(sys.argv[1] + ".half"))
except ChatcloneError:
    print("refused")
"""


@pytest.mark.parametrize("logged", [True, False])
def test_the_librarys_chatter(tiny: Tiny, tmp_path: Path, logged: bool) -> None:
    """Messages of the C library go to the log, never to the screen."""
    model, log = tmp_path / "model.gguf", tmp_path / "log"
    model.write_bytes(tiny.gguf.read_bytes())
    (tmp_path / "model.gguf.half").write_bytes(tiny.gguf.read_bytes()[:20_000])
    command = [sys.executable, "-c", SILENT, str(model), str(log) if logged else ""]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")
    if logged:
        assert "chatclone.llama_cpp" in log.read_text()


class TestLoading:
    """Progress of loading, and cancelling it."""

    def test_told(self, tiny: Tiny) -> None:
        """The share grows to 1, and the settings are listed with their reasons."""
        shares: list[float] = []

        def loading(share: float) -> bool:
            shares.append(share)
            return True

        engine = LlamaEngine(tiny.gguf, loading=loading)
        engine.close()
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert [line.split(" (")[0] for line in engine.settings] == [
            "on the CPU",
            "1 thread",
            "256 prompt tokens at once",
        ]

    def test_stopped(self, tiny: Tiny) -> None:
        """Loading can be cancelled and repeated."""
        with pytest.raises(LoadingCancelled, match=r"loading llama-f16\.gguf was cancelled"):
            LlamaEngine(tiny.gguf, loading=lambda share: share < 0.5)
        LlamaEngine(tiny.gguf).close()

    def test_interrupted(self, tiny: Tiny) -> None:
        """Ctrl+C during loading raises KeyboardInterrupt."""

        def loading(share: float) -> bool:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            LlamaEngine(tiny.gguf, loading=loading)


class TestFiles:
    """A file that is not a model is an error, never a crash of the C library."""

    def test_missing(self, tmp_path: Path) -> None:
        """A missing file is named in the error."""
        with pytest.raises(ChatcloneError, match=r"cannot read .*none\.gguf: No such file"):
            LlamaEngine(tmp_path / "none.gguf")

    def test_no_gguf(self, tmp_path: Path) -> None:
        """A file that is not GGUF is refused."""
        (tmp_path / "model.gguf").write_bytes(b"PK\x03\x04 not a model")
        with pytest.raises(ChatcloneError, match=r"model\.gguf is not a GGUF file"):
            LlamaEngine(tmp_path / "model.gguf")

    @pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
    def test_truncated(self, tiny: Tiny, tmp_path: Path, share: float) -> None:
        """A file cut off in its metadata or its weights is refused with llama.cpp's own reason."""
        whole = tiny.gguf.read_bytes()
        (tmp_path / "half.gguf").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ChatcloneError, match=r"llama\.cpp cannot load half\.gguf: .+"):
            LlamaEngine(tmp_path / "half.gguf")

    def test_unknown_architecture(self, tiny: Tiny, tmp_path: Path) -> None:
        """A model with an unknown architecture is refused with a hint."""
        (tmp_path / "new.gguf").write_bytes(tiny.gguf.read_bytes().replace(b"llama", b"lamma"))
        with pytest.raises(ChatcloneError, match="unknown model architecture: 'lamma'") as caught:
            LlamaEngine(tmp_path / "new.gguf")
        assert "update llama-cpp-python" in caught.value.hint

    def test_no_memory(self, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
        """A model that does not fit is refused before it is loaded."""
        loaded: list[float] = []
        monkeypatch.setattr(hardware, "free_memory", lambda: 1_000_000)
        with pytest.raises(ChatcloneError, match=r"GB of memory and 0\.0 GB is free"):
            LlamaEngine(tiny.gguf, loading=lambda share: not loaded.append(share))  # type: ignore[func-returns-value]
        assert loaded == []

    def test_a_lora_as_model(self, tiny: Tiny) -> None:
        """An adapter cannot be loaded as a model."""
        with pytest.raises(ChatcloneError, match="cannot load"):
            LlamaEngine(tiny.lora)

    def test_a_model_as_lora(self, tiny: Tiny) -> None:
        """A model cannot be loaded as an adapter."""
        with pytest.raises(ChatcloneError, match="cannot apply"):
            LlamaEngine(tiny.gguf, tiny.gguf)

    def test_vocabulary_alone(self, tiny: Tiny) -> None:
        """The vocabulary opens without the weights."""
        model = GgufModel(tiny.gguf, vocab_only=True)
        assert model.vocabulary_size == 400
        assert model.metadata("general.architecture") == "llama"
        assert model.metadata("no.such.key") == ""
        model.close()
