"""The transformers engine on a tiny random model."""

from pathlib import Path

import numpy as np
import pytest

from chatclone.engines.protocol import Piece, Reading, Sampling, Stopped
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatMessage

torch = pytest.importorskip("torch", reason="torch is not installed")

from chatclone.engines.transformers import TransformersEngine, choose_dtype, choose_token  # noqa: E402
from chatclone.storage.safetensors_header import count_parameters  # noqa: E402

GREEDY = Sampling(temperature=0, max_tokens=24)
HELLO = [ChatMessage("system", "You are Mira."), ChatMessage("user", "hey what are you up to 🍲")]


@pytest.fixture(scope="module")
def engine(tiny_folders: tuple[Path, Path]) -> TransformersEngine:
    """The tiny model with its adapter."""
    return TransformersEngine(*tiny_folders)


def _reply(engine: TransformersEngine, messages: list[ChatMessage], sampling: Sampling) -> str:
    events = list(engine.generate(engine.template.prompt(messages, 200), sampling, lambda: False))
    assert isinstance(events[-1], Stopped)
    return "".join(e.text for e in events if isinstance(e, Piece))


class TestGeneration:
    """Replies are repeatable and do not depend on what was cached."""

    def test_greedy_repeats(self, engine: TransformersEngine) -> None:
        """Greedy gives the same reply again, the second time from the cache."""
        assert _reply(engine, HELLO, GREEDY) == _reply(engine, HELLO, GREEDY) != ""

    def test_seed_repeats(self, engine: TransformersEngine) -> None:
        """A seed gives one reply, another seed another."""
        three, again, four = (_reply(engine, HELLO, Sampling(seed=s, max_tokens=24)) for s in (3, 3, 4))
        assert three == again != four

    def test_cache_changes_nothing(self, engine: TransformersEngine, tiny_folders: tuple[Path, Path]) -> None:
        """The reply after a longer conversation was cropped is that of a fresh engine."""
        turns = [*HELLO, ChatMessage("assistant", "soup"), ChatMessage("user", "again?")]
        _reply(engine, turns, GREEDY)
        other = [*HELLO, ChatMessage("assistant", "tea"), ChatMessage("user", "why?")]
        prompt = engine.template.prompt(other, 200)
        reading = next(iter(engine.generate(prompt, GREEDY, lambda: False)))
        assert isinstance(reading, Reading) and 0 < reading.cached < reading.total
        assert _reply(engine, other, GREEDY) == _reply(TransformersEngine(*tiny_folders), other, GREEDY)

    def test_adapter_changes_the_reply(self, engine: TransformersEngine, tiny_folders: tuple[Path, Path]) -> None:
        """Without its adapter the base replies differently."""
        assert _reply(TransformersEngine(tiny_folders[0]), HELLO, GREEDY) != _reply(engine, HELLO, GREEDY)

    def test_logits_are_those_of_the_reply(self, engine: TransformersEngine) -> None:
        """The logits after the prompt choose the reply's first token."""
        prompt = engine.template.prompt(HELLO, 200)
        logits = engine.logits(prompt.ids)
        assert logits.shape == (len(prompt.ids), 400)
        first = engine.template.decode([int(logits[-1].argmax())])
        assert _reply(engine, HELLO, Sampling(temperature=0, max_tokens=1)) == first.rstrip("\ufffd")


class TestTemplate:
    """The template is the base's own, bound to its tokenizer."""

    def test_stop_ids(self, engine: TransformersEngine) -> None:
        """The end of turn and every end token of the generation config stop a reply."""
        assert engine.template.stop_ids == {0, 2}
        assert engine.context == 256


class TestSampling:
    """The next token is chosen as llama.cpp chooses it."""

    LOGITS = np.log([0.5, 0.3, 0.15, 0.05]).tolist()

    def _chosen(self, **sampling: float) -> set[int]:
        generator = torch.Generator().manual_seed(0)
        logits = torch.tensor(self.LOGITS)
        return {choose_token(logits, Sampling(**sampling), generator) for _ in range(200)}  # type: ignore[arg-type]  # floats only

    def test_greedy(self) -> None:
        """Temperature 0 takes the likeliest."""
        assert self._chosen(temperature=0) == {0}

    def test_top_p(self) -> None:
        """Top-p keeps the fewest tokens that reach it."""
        assert self._chosen(temperature=1, top_p=0.79, min_p=0) == {0, 1}

    def test_min_p(self) -> None:
        """Min-p drops what is far less likely than the likeliest, however hot it gets."""
        assert self._chosen(temperature=9, top_p=1, min_p=0.2) == {0, 1, 2}

    def test_all(self) -> None:
        """With both off every token may come."""
        assert self._chosen(temperature=1.5, top_p=1, min_p=0) == {0, 1, 2, 3}


class TestLoading:
    """What cannot be loaded is told in two lines."""

    def test_no_model(self, tmp_path: Path) -> None:
        """An empty folder is no model."""
        with pytest.raises(ChatcloneError, match="cannot load the model"):
            TransformersEngine(tmp_path)

    def test_pickled_adapter(self, tiny_folders: tuple[Path, Path], tmp_path: Path) -> None:
        """An adapter that has only pickled weights is refused unread."""
        (tmp_path / "adapter_config.json").write_bytes((tiny_folders[1] / "adapter_config.json").read_bytes())
        (tmp_path / "adapter_model.bin").write_bytes(b"never read")
        with pytest.raises(ChatcloneError, match=r"has no adapter_model\.safetensors"):
            TransformersEngine(tiny_folders[0], tmp_path)

    def test_small_models_in_32_bits(self, tiny_folders: tuple[Path, Path]) -> None:
        """A small model on a CPU is computed in 32 bits, whatever it is stored in."""
        assert 50_000 < count_parameters(tiny_folders[0]) < 200_000
        assert choose_dtype(tiny_folders[0], torch.device("cpu"))[0] == torch.float32
