"""The persona's memory: which embedder it gets, how far it is embedded, and how it follows the archive."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from chatclone.recall import embedder_choice, persona_memory
from chatclone.recall.embedder_choice import use_embedder
from chatclone.recall.persona_memory import choose_embedder, embed, open_memory
from memory.embedding.embedder import AUTO
from memory.embedding.embedder_process import EmbedderProcess
from memory.passages import Line
from tests.embedders import HashEmbedder


@pytest.fixture
def persona(tmp_path: Path) -> Persona:
    """A persona that remembers two messages."""
    mira = Persona(tmp_path, "Mira")
    with open_memory(mira, "no") as memory:
        memory.sync([Line(f"telegram:c/{n}", "telegram:c", "c", "Anna", 10**6 * n, f"cat {n}") for n in range(2)])
    return mira


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that looks like a sentence-transformers model."""
    folder = tmp_path / "my-e5"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


class TestChoosing:
    """The environment, then what was chosen for this memory, then what there is."""

    def test_none_is_said(self, persona: Persona) -> None:
        """Without an embedder nothing is embedded, and the reason is the answer."""
        assert embed(persona, 60) == "searching by words alone, as chosen"
        with open_memory(persona) as memory:
            assert choose_embedder(memory) == (None, "searching by words alone, as chosen")
            assert memory.recall("cat").hits

    def test_a_folder_chosen_for_this_memory(
        self, persona: Persona, model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is kept in the memory, and runs in a process of its own that is not started yet."""
        monkeypatch.delenv(persona_memory.EMBEDDER_VARIABLE)
        if find_spec("sentence_transformers") is None:  # not importorskip: importing it brings torch
            pytest.skip("sentence-transformers is not installed")
        use_embedder(persona, str(model))
        with open_memory(persona, "no") as memory:
            chosen, reason = choose_embedder(memory)
        assert isinstance(chosen, EmbedderProcess)
        assert reason == "searching by meaning with my-e5: as chosen"
        chosen.close()
        use_embedder(persona, AUTO)
        with open_memory(persona, "no") as memory:
            assert memory.embedder_choice == AUTO

    def test_a_model_that_is_not_there_changes_nothing(self, persona: Persona) -> None:
        """Neither the choice nor anything on disk, and nothing is fetched."""
        with pytest.raises(ChatcloneError, match="is not on this computer") as caught:
            use_embedder(persona, "no/such-model")
        assert caught.value.hint == "--download fetches it from the hub"
        with open_memory(persona, "no") as memory:
            assert memory.embedder_choice == ""


class TestFetching:
    """A model from the hub, which is a folder on this machine in these tests."""

    @pytest.fixture
    def hub(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Replace the hub's client; returns what was fetched."""
        hub = pytest.importorskip("huggingface_hub")
        fetched: list[str] = []

        class File:
            def __init__(self, name: str, size: int) -> None:
                self.rfilename, self.size = name, size

        class Api:
            def model_info(self, name: str, files_metadata: bool) -> object:
                if name == "no/such-model":
                    raise OSError("404 Client Error\nwith a long explanation")
                weights = "pytorch_model.bin" if name == "only/pickles" else "model.safetensors"
                files = [File("config.json", 10), File(weights, 90_000_000), File("onnx/model.json", 5)]
                return type("Info", (), {"siblings": files, "sha": "abc"})()

        def fetch(name: str, revision: str, allow_patterns: list[str]) -> str:
            fetched.extend([name, revision, *allow_patterns])
            return str(model)

        monkeypatch.setattr(hub, "HfApi", Api)
        monkeypatch.setattr(hub, "snapshot_download", fetch)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        return fetched

    def test_only_after_agreeing_to_its_size(
        self, persona: Persona, hub: list[str], model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The size of what would be fetched is told, and no means no; yes fetches weights that are no pickle."""
        asked: list[tuple[str, int]] = []

        def answering(answer: bool) -> Callable[[str, int], bool]:
            def agree(name: str, size: int) -> bool:
                asked.append((name, size))
                return answer

            return agree

        with pytest.raises(ChatcloneError, match="nothing was fetched"):
            use_embedder(persona, "some/model", answering(False))
        assert hub == []
        found = iter([None, model])
        monkeypatch.setattr(embedder_choice, "find_model", lambda name: next(found))
        monkeypatch.setattr(embedder_choice, "choose_model", lambda name: ((name, model), "as chosen"))
        use_embedder(persona, "some/model", answering(True))
        assert asked == [("some/model", 90_000_010)] * 2
        assert hub == ["some/model", "abc", "config.json", "model.safetensors"]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("no/such-model", "no/such-model cannot be fetched: 404 Client Error"),
            ("only/pickles", "only/pickles has no safetensors weights"),
        ],
    )
    def test_what_cannot_be_fetched(self, persona: Persona, hub: list[str], name: str, message: str) -> None:
        """An unknown name, and weights that would run code, are told in a line."""
        with pytest.raises(ChatcloneError) as caught:
            use_embedder(persona, name, lambda model, size: True)
        assert caught.value.message == message
        assert hub == []

    def test_offline_means_offline(self, persona: Persona, hub: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """HF_HUB_OFFLINE is respected even after agreeing."""
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(ChatcloneError, match="HF_HUB_OFFLINE forbids"):
            use_embedder(persona, "some/model", lambda model, size: True)
        assert hub == []


def test_embedding_tells_how_far_it_came(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the time there is; the next run does the rest, and a model that fails is no error of the import."""
    embedder = HashEmbedder()
    monkeypatch.setattr(persona_memory, "choose_embedder", lambda memory, background=False: (embedder, "found one"))
    assert embed(persona, 0) == "0 passages embedded; 2 more while you chat, or now: chatclone memory embed"
    seen: list[tuple[int, int]] = []
    assert embed(persona, 60, lambda done, total: seen.append((done, total))) == "found one; all 2 passages embedded"
    assert seen == [(2, 2)]
    with open_memory(persona, "no") as memory:
        memory.add("a note", 0)
    embedder.breaks_after = 0
    assert embed(persona, 60) == "searching by words alone: out of order"
