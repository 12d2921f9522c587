"""Exports from beginning to end, on a tiny random model: converted, compared, recorded."""

import json
import shutil
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError, UsageError
from chatclone.export.record import current_export
from chatclone.export.run import export, held_out
from chatclone.persona import Persona
from tests.tiny import tiny_adapter, tiny_base


@pytest.fixture
def persona(tiny_folders: tuple[Path, Path], tmp_path: Path) -> Persona:
    """A persona trained on the tiny base, with a held-out conversation."""
    base, adapter = tiny_folders
    folder = tmp_path / "personas" / "mira"
    shutil.copytree(adapter, folder / "runs" / "1" / "adapter")
    (folder / "dataset").mkdir()
    turns = [("user", "hey"), ("assistant", "hi"), ("user", "soup?"), ("assistant", "yes 🍲")]
    line = {"messages": [{"role": role, "content": text} for role, text in turns]}
    (folder / "dataset" / "eval.jsonl").write_text(json.dumps(line) + "\n")
    return Persona(folder, "Mira", base=str(base), adapter="runs/1/adapter", partners=("Theo",))


@pytest.fixture
def home(tmp_path: Path, scripts: Path) -> Path:
    """A home whose converter is fetched already."""
    (tmp_path / "cache" / "converter").mkdir(parents=True)
    (tmp_path / "cache" / "converter" / scripts.name).symlink_to(scripts)
    return tmp_path


class TestExport:
    """The document of `export --json`, and the files it names."""

    def test_adapter(self, persona: Persona, home: Path) -> None:
        """By default a small model becomes f16: the shared base, and the adapter beside the persona."""
        stages: list[str] = []
        document = export(persona, home=home, progress=stages.append)
        assert (document["kind"], document["quant"]) == ("adapter", "f16")
        lora, model = (Path(file["path"]) for file in document["files"])
        assert lora == persona.models_folder / "mira-1-lora-f16.gguf"
        assert model.parent == home / "cache" / "gguf"
        assert [file["bytes"] for file in document["files"]] == [lora.stat().st_size, model.stat().st_size]
        parity = document["parity"]
        assert parity["prompts"] > 10 and parity["token_ids_equal"]
        assert parity["top1_agreement"] > 0.98 and parity["mean_kl"] < 1e-3
        assert document["seconds"] > 0
        assert any("once for all personas" in stage for stage in stages)
        assert not [p for p in persona.models_folder.iterdir() if p.name.startswith(".")]
        exported = current_export(persona, home)
        assert exported is not None and (exported.model, exported.lora) == (model, lora)

    def test_merged_elsewhere(self, persona: Persona, home: Path, tmp_path: Path) -> None:
        """A merged model is one file, which may go to any folder."""
        document = export(persona, "merged", "q8_0", tmp_path / "stick", home=home)
        (file,) = document["files"]
        assert Path(file["path"]) == tmp_path / "stick" / "mira-1-q8_0.gguf"
        assert [p.name for p in (tmp_path / "stick").iterdir()] == ["mira-1-q8_0.gguf"]
        assert document["parity"]["token_ids_equal"]
        exported = current_export(persona, home)
        assert exported is not None and exported.lora is None

    def test_another_family(self, persona: Persona, home: Path, tmp_path: Path) -> None:
        """A Qwen2 with an rsLoRA keeps the adapter's strength; base and adapter go to one folder."""
        base = tiny_base(tmp_path / "qwen", "qwen2")
        tiny_adapter(base, persona.folder / "runs" / "2" / "adapter", rslora=True)
        other = persona.with_(base=str(base), adapter="runs/2/adapter")
        document = export(other, "adapter", "f16", tmp_path / "stick", home=home)
        assert {Path(file["path"]).parent for file in document["files"]} == {tmp_path / "stick"}
        assert document["parity"]["top1_agreement"] > 0.98


class TestRefused:
    """What cannot be exported is told before anything is written."""

    def test_untrained(self, persona: Persona, tmp_path: Path) -> None:
        """Without an adapter there is nothing to export."""
        with pytest.raises(ChatcloneError, match="has not been trained") as caught:
            export(persona.with_(adapter=""), home=tmp_path)
        assert caught.value.hint == "chatclone train"

    def test_unknown_kind(self, persona: Persona, tmp_path: Path) -> None:
        """Kinds and quants are listed."""
        with pytest.raises(UsageError, match="no kind of export"):
            export(persona, "zip", home=tmp_path)
        with pytest.raises(UsageError, match="no quant"):
            export(persona, quant="q1", home=tmp_path)
        assert not persona.models_folder.exists()

    def test_unknown_tokenizer(self, persona: Persona, home: Path, tmp_path: Path) -> None:
        """A tokenizer that llama.cpp cannot imitate stops the export, and leaves nothing."""
        base = tiny_base(tmp_path / "odd", pre_tokenizer=r"\w+|\W")
        with pytest.raises(ChatcloneError, match="BPE pre-tokenizer was not recognized"):
            export(persona.with_(base=str(base)), home=home)
        assert not list((home / "cache" / "gguf").iterdir())


class TestHeldOut:
    """Prompts of the parity report come from the person's held-out conversations."""

    def test_ends_before_a_reply(self, persona: Persona) -> None:
        """A conversation is cut before its last reply, and begins with the persona's system turn."""
        (conversation,) = held_out(persona)
        assert [m.role for m in conversation] == ["system", "user", "assistant", "user"]
        assert conversation[0].content == "You are Mira, chatting with Theo. Write the way Mira writes."

    def test_none(self, tmp_path: Path) -> None:
        """Without a data set there are none."""
        assert held_out(Persona(tmp_path, "Mira")) == []

    def test_evenly_spread(self, persona: Persona) -> None:
        """Of many, as many as asked come from all over the file."""
        lines = [json.dumps({"messages": [{"role": "user", "content": str(i)}]}) for i in range(100)]
        (persona.dataset_folder / "eval.jsonl").write_text("\n".join(lines))
        assert [c[-1].content for c in held_out(persona, 4)] == ["0", "25", "50", "75"]
