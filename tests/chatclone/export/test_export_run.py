"""Exports from start to finish, on tiny random models."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatclone.errors import ChatcloneError, UsageError
from chatclone.export import adapter_gguf
from chatclone.export.base_gguf import cached_base
from chatclone.export.export_run import export, verify
from chatclone.export.quantize import QUANTIZATIONS, Quantization
from chatclone.gguf import export_record
from chatclone.gguf.header import read_metadata
from chatclone.personas.persona import Persona
from chatclone.storage.fingerprint import file_mark, weights_mark
from tests.chatclone.conftest import Tiny
from tests.chatclone.export.conftest import Done, export_with, home_with, trained_persona
from tests.tiny import Family, tiny_adapter


@pytest.fixture
def persona(tiny_folders: tuple[Path, Path], tmp_path: Path) -> Persona:
    """A persona of whom nothing was exported yet."""
    return trained_persona(tmp_path, *tiny_folders)


def verified(persona: Persona, file: Path | None = None, *, home: Path) -> dict[str, Any]:
    """Return the document of a repeated parity report."""
    document: dict[str, Any] = msgspec.to_builtins(verify(persona, file, home=home))
    return document


class TestAdapter:
    """The default: the shared base, and the adapter beside the persona."""

    def test_document(self, adapter_export: Done) -> None:
        """The document names both files; a small model becomes f16."""
        done, document = adapter_export, adapter_export.document
        assert (document["kind"], document["quant"]) == ("adapter", "f16")
        lora, model = done.files
        assert lora == done.persona.models_folder / "mira-1-lora-f16.gguf"
        assert model.parent == done.home / "cache" / "gguf"
        assert [file["bytes"] for file in document["files"]] == [lora.stat().st_size, model.stat().st_size]
        assert document["seconds"] > 0
        assert not [p for p in done.persona.models_folder.iterdir() if p.name.startswith(".")]

    def test_parity(self, adapter_export: Done) -> None:
        """The parity holds, with the loss of base, adapter and export."""
        parity = adapter_export.document["parity"]
        assert parity["prompts_from"] == {"held_out": 2, "hostile": 10}
        assert parity["token_ids_equal"] and parity["top1_agreement"] >= 0.99 and parity["mean_kl"] < 1e-3
        loss = parity["loss"]
        assert loss["trained_tokens"] > 0
        assert loss["gguf"] == pytest.approx(loss["adapter"], abs=0.01)

    def test_told(self, adapter_export: Done) -> None:
        """Progress and announcements are passed on."""
        assert any("once for all personas" in stage for stage in adapter_export.stages)
        assert any(text.startswith("adapter, f16: ") for text in adapter_export.announced)
        assert any(text.startswith("only 2 prompts") for text in adapter_export.announced)

    def test_recorded(self, adapter_export: Done) -> None:
        """A chat finds it."""
        lora, model = adapter_export.files
        exported = export_record.current_export(adapter_export.persona, adapter_export.home)
        assert exported is not None and (exported.model, exported.lora) == (model, lora)
        assert exported.base_weights == weights_mark(Path(adapter_export.persona.base))
        assert exported.model_mark == file_mark(model)

    def test_beside(self, adapter_export: Done) -> None:
        """Report, Modelfile and note lie beside the adapter."""
        folder = adapter_export.persona.models_folder
        names = {Path(path).name for path in adapter_export.document["beside"]}
        stem = "mira-1-lora-on-f16"
        assert names == {f"{stem}.parity.md", f"{stem}.Modelfile", f"{stem}.README.md"}
        assert json.loads((folder / f"{stem}.parity.json").read_text())["breaches"] == []
        lora, model = adapter_export.files
        modelfile = (folder / f"{stem}.Modelfile").read_text()
        assert f"FROM ../../../cache/gguf/{model.name}" in modelfile and f"ADAPTER ./{lora.name}" in modelfile
        assert 'PARAMETER stop "<|im_end|>"' in modelfile and "PARAMETER num_ctx 256" in modelfile

    def test_persona_inside(self, adapter_export: Done) -> None:
        """The adapter contains the persona and the name of its base; the shared base contains no persona."""
        lora, model = (read_metadata(file) for file in adapter_export.files)
        assert lora["chatclone.name"] == "Mira"
        assert lora["chatclone.base_file"] == adapter_export.files[1].name
        assert not [key for key in model if key.startswith("chatclone.")]
        assert "Mira" not in str(model)


class TestMerged:
    """Base and adapter as one file."""

    def test_dora(self, merged_export: Done) -> None:
        """A DoRA can be merged, to any folder, and answers as it does in transformers."""
        (file,) = merged_export.files
        assert file == merged_export.home / "stick" / "mira-1-f16.gguf"
        parity = merged_export.document["parity"]
        assert parity["token_ids_equal"] and parity["top1_agreement"] >= 0.99
        assert sorted(p.name for p in file.parent.iterdir()) == [
            f"mira-1-f16.{suffix}" for suffix in ("Modelfile", "README.md", "gguf", "parity.json", "parity.md")
        ]

    def test_memory_told(self, merged_export: Done) -> None:
        """The memory that the merge needs is announced."""
        assert any("merging in 32 bits takes up to 1.0 GB of memory" in text for text in merged_export.announced)

    def test_recorded(self, merged_export: Done) -> None:
        """A chat finds it in any folder."""
        exported = export_record.current_export(merged_export.persona, merged_export.home)
        assert exported is not None and exported.lora is None and exported.quant == "f16"

    def test_dora_alone(self, merged_export: Done) -> None:
        """As an adapter of its own a DoRA is refused, before anything is converted."""
        with pytest.raises(ChatcloneError, match="DoRA") as caught:
            export(merged_export.persona, home=merged_export.home)
        assert caught.value.hint == "chatclone export --kind merged"
        assert not (merged_export.home / "cache" / "gguf").exists()


class TestBaseGguf:
    """A base that the user has already."""

    def test_used(self, families: dict[Family, Tiny], scripts: Path, tmp_path: Path) -> None:
        """It is used in place, with an rsLoRA that keeps its scale; only the adapter is converted."""
        tiny, home = families["qwen2"], home_with(tmp_path, scripts)
        rslora = tiny_adapter(tiny.base, home / "rslora", rslora=True)
        done = export_with(trained_persona(home, tiny.base, rslora), home, out=home / "stick", base_gguf=tiny.gguf)
        assert done.files == [home / "stick" / "mira-1-lora-f16.gguf", tiny.gguf]
        assert done.document["quant"] == "f16"
        assert done.document["parity"]["top1_agreement"] >= 0.99
        assert done.announced[0] == "adapter on qwen2-f16.gguf, which is f16"
        assert not (home / "cache" / "gguf").exists()

    def test_another_model(self, persona: Persona, families: dict[Family, Tiny], scripts: Path, tmp_path: Path) -> None:
        """Another model is refused, and nothing is written."""
        with pytest.raises(ChatcloneError, match="another vocabulary"):
            export(persona, home=home_with(tmp_path, scripts), base_gguf=families["gemma2"].gguf)
        assert not persona.models_folder.exists()

    def test_contradictions(self, persona: Persona, tmp_path: Path) -> None:
        """It cannot be merged into, nor quantized again."""
        with pytest.raises(UsageError, match="made from the base's own weights"):
            export(persona, "merged", home=tmp_path, base_gguf=tmp_path / "x.gguf")
        with pytest.raises(UsageError, match="is quantized already"):
            export(persona, quant="f16", home=tmp_path, base_gguf=tmp_path / "x.gguf")


class TestVerify:
    """Repeating the parity report."""

    def test_current(self, adapter_export: Done) -> None:
        """For the current export the result is the same."""
        document = verified(adapter_export.persona, home=adapter_export.home)
        assert document["parity"] == adapter_export.document["parity"]
        assert document["files"] == adapter_export.document["files"]

    @pytest.mark.parametrize("which", ["adapter_export", "merged_export"])
    def test_a_file(self, which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """A copied file is verified in its folder; an adapter finds its base."""
        done: Done = request.getfixturevalue(which)
        carried = _copy(done.files[0], tmp_path)
        document = verified(done.persona, carried, home=done.home)
        assert (document["kind"], document["quant"]) == (done.document["kind"], done.document["quant"])
        assert document["parity"] == done.document["parity"]
        assert Path(document["beside"][0]).parent == tmp_path

    def test_another_models_file(self, merged_export: Done, tiny: Tiny, tmp_path: Path) -> None:
        """A file that answers differently fails, and the report stays."""
        bare = _copy(tiny.gguf, tmp_path)
        with pytest.raises(ChatcloneError, match="does not answer like the adapter"):
            verify(merged_export.persona, bare, home=merged_export.home)
        (text,) = tmp_path.glob("*.parity.md")
        assert "**Falls short**" in text.read_text()

    @pytest.mark.parametrize("which", ["adapter_export", "merged_export"])
    def test_another_base(self, which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """When the base was replaced, that is an error, and nothing is compared."""
        done: Done = request.getfixturevalue(which)
        base = shutil.copytree(done.persona.base, tmp_path / "base")
        _change(base / "model.safetensors")
        carried = _copy(done.files[0], tmp_path)
        with pytest.raises(ChatcloneError, match=f"the base base has changed since {carried.name} was exported"):
            verify(replace(done.persona, base=str(base)), carried, home=done.home)
        assert not list(tmp_path.glob("*.parity.*"))

    def test_another_base_gguf(self, adapter_export: Done, tmp_path: Path) -> None:
        """An adapter with a replaced base GGUF is not compared."""
        lora, model = (_copy(file, tmp_path) for file in adapter_export.files)
        _change(model)
        with pytest.raises(ChatcloneError, match="its weights differ") as caught:
            verify(adapter_export.persona, lora, home=adapter_export.home)
        assert caught.value.hint.startswith("export again")

    def test_nothing_exported(self, persona: Persona, tmp_path: Path) -> None:
        """Without an export the hint is to make one."""
        with pytest.raises(ChatcloneError, match="no GGUF of the current adapter") as caught:
            verify(persona, home=tmp_path)
        assert caught.value.hint == "chatclone export"


def test_breach(adapter_export: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export that falls short is an error that names the report, and no chat uses it."""
    done = adapter_export
    before = export_record.read_exports(done.persona, done.home)
    monkeypatch.setitem(QUANTIZATIONS, "f16", Quantization(2.0, "", 1.01))
    with pytest.raises(ChatcloneError, match="f16 must reach 101 %") as caught:
        verify(done.persona, home=done.home)
    assert "mira-1-lora-on-f16.parity.md" in caught.value.hint
    assert export_record.current_export(done.persona, done.home) is None
    monkeypatch.undo()  # the export is shared by many tests: as it was
    for entry in before:
        export_record.record_export(done.persona, done.home, entry)
    verify(done.persona, home=done.home)


def test_interrupted(
    persona: Persona, tiny: Tiny, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted before it was compared, an export leaves no file of its own, and the user's base stays."""
    base = _copy(tiny.gguf, tmp_path)

    def converted(scripts: Path, script: str, *arguments: Any, metadata: Any) -> None:
        shutil.copy(tiny.lora, arguments[arguments.index("--outfile") + 1])

    monkeypatch.setattr(adapter_gguf, "run_script", converted)

    def interrupt(stage: str) -> None:
        if stage == "comparing with the adapter":
            assert (tmp_path / "mira-1-lora-f16.gguf").is_file()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(persona, out=tmp_path, home=home_with(tmp_path, scripts), base_gguf=base, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [base.name]
    assert export_record.read_exports(persona, tmp_path) == []


class TestRefused:
    """Errors before anything is written."""

    def test_untrained(self, persona: Persona, tmp_path: Path) -> None:
        """Without an adapter there is nothing to export."""
        with pytest.raises(ChatcloneError, match="has not been trained") as caught:
            export(persona.update(adapter=""), home=tmp_path)
        assert caught.value.hint == "chatclone train"

    def test_unknown_kind(self, persona: Persona, tmp_path: Path) -> None:
        """Kinds and quants are listed."""
        with pytest.raises(UsageError, match="no kind of export"):
            export(persona, "zip", home=tmp_path)
        with pytest.raises(UsageError, match="no quant"):
            export(persona, quant="q1", home=tmp_path)
        assert not persona.models_folder.exists()

    @pytest.mark.parametrize("kind", ["adapter", "merged"])
    def test_full_disk(self, persona: Persona, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        """A full disk is an error."""
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
        with pytest.raises(ChatcloneError, match=r"needs 0\.1 GB in .+ and 0\.0 GB is free"):
            export(persona, kind, home=tmp_path)
        assert not persona.models_folder.exists() and not (tmp_path / "cache").exists()


def test_left_over(persona: Persona, tiny: Tiny, tmp_path: Path) -> None:
    """Files of a killed export are removed before the space is checked."""
    left = cached_base(tiny.base, "base", "f16", tmp_path).with_name(f".base.{_ended_process()}.partial.gguf")
    left.parent.mkdir(parents=True)
    left.touch()
    with pytest.raises(ChatcloneError, match=r"has no convert_hf_to_gguf\.py"):
        export(persona, home=tmp_path, llama_cpp=tmp_path)
    assert not left.exists()


def _copy(file: Path, folder: Path) -> Path:
    return Path(shutil.copy(file, folder))


def _change(weights: Path) -> None:
    """Change the weights of a model."""
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def _ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid
