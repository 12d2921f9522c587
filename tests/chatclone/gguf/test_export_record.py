"""The record of an export, and when it no longer counts."""

from pathlib import Path
from typing import Any

import pytest

from chatclone.errors import ChatcloneError
from chatclone.gguf import export_record
from chatclone.gguf.export_record import ExportRecord
from chatclone.personas.persona import Persona
from chatclone.storage.fingerprint import file_mark


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a base in its cache."""
    (tmp_path / "home" / "cache").mkdir(parents=True)
    (tmp_path / "home" / "cache" / "base.gguf").touch()
    return tmp_path / "home"


def _persona(home: Path) -> Persona:
    folder = home / "personas" / "mira"
    (folder / "runs" / "1").mkdir(parents=True, exist_ok=True)
    weights = folder / "runs" / "1" / "adapter_model.safetensors"
    if not weights.exists():
        weights.write_bytes(b"weights")
    return Persona(folder, "Mira", adapter="runs/1")


def _record(persona: Persona, **changes: Any) -> ExportRecord:
    values = {"kind": "merged", "quant": "f16", "adapter_sha256": "", "base_weights": "", "model_mark": ""}
    return ExportRecord(base=persona.base, adapter=persona.adapter, **{**values, **changes})


def _export(persona: Persona, home: Path, quant: str, model: str = "cache/base.gguf") -> ExportRecord:
    assert persona.adapter_folder is not None
    sha256 = export_record.adapter_sha256(persona.adapter_folder)
    entry = _record(persona, adapter_sha256=sha256, quant=quant, model=home / model)
    export_record.record_export(persona, home, entry)
    return entry


class TestCurrent:
    """The export that a chat may use."""

    def test_newest(self, home: Path) -> None:
        """The newest export of the current adapter counts."""
        persona = _persona(home)
        assert export_record.current_export(persona, home) is None
        (home / "cache" / "other.gguf").touch()
        _export(persona, home, "f16")
        newest = _export(persona, home, "q8_0", "cache/other.gguf")
        assert export_record.current_export(persona, home) == newest
        assert len(export_record.read_exports(persona, home)) == 2

    def test_same_files_again(self, home: Path) -> None:
        """A repeated export takes the place of the older one."""
        persona = _persona(home)
        _export(persona, home, "f16")
        _export(persona, home, "f16")
        assert len(export_record.read_exports(persona, home)) == 1

    def test_home_moved(self, home: Path) -> None:
        """After a home was moved, its files are found in the new place."""
        _export(_persona(home), home, "f16")
        moved = home.rename(home.with_name("moved"))
        found = export_record.current_export(_persona(moved), moved)
        assert found is not None and found.model == moved / "cache" / "base.gguf"

    def test_other_weights(self, home: Path) -> None:
        """New weights in the same folder, as a resumed run writes them, are another adapter."""
        persona = _persona(home)
        _export(persona, home, "f16")
        (persona.folder / "runs" / "1" / "adapter_model.safetensors").write_bytes(b"other weights")
        assert export_record.current_export(persona, home) is None

    def test_file_gone(self, home: Path) -> None:
        """An export whose file was deleted no longer counts."""
        persona = _persona(home)
        _export(persona, home, "f16").model.unlink()
        assert export_record.current_export(persona, home) is None

    def test_outside_the_home(self, home: Path, tmp_path: Path) -> None:
        """A file outside the home is recorded with its absolute path."""
        persona = _persona(home)
        (tmp_path / "stick.gguf").touch()
        entry = _export(persona, home, "f16", str(tmp_path / "stick.gguf"))
        assert export_record.current_export(persona, home) == entry


class TestBase:
    """The base that a LoRA was compared on."""

    def test_replaced(self, home: Path) -> None:
        """A replaced base is refused, and accepted again when it was restored."""
        persona = _persona(home)
        base, lora = home / "cache" / "base.gguf", home / "lora.gguf"
        lora.touch()
        entry = _record(persona, kind="adapter", model=base, lora=lora, model_mark=file_mark(base))
        export_record.record_export(persona, home, entry)
        (read,) = export_record.read_exports(persona, home)
        read.check_files()
        base.write_bytes(b"other weights")
        with pytest.raises(ChatcloneError, match=r"base\.gguf is not the base"):
            read.check_files()
        base.write_bytes(b"")
        read.check_files()


@pytest.mark.parametrize("text", ["", "{", '{"exports": [{"kind": "adapter"}]}', "\xff"])
def test_damaged(home: Path, text: str) -> None:
    """A damaged record is named, with what to do."""
    persona = _persona(home)
    persona.models_folder.mkdir()
    (persona.models_folder / export_record.FILE).write_text(text, "latin-1")
    with pytest.raises(ChatcloneError, match=r"cannot read .*export\.json") as caught:
        export_record.current_export(persona, home)
    assert "export again" in caught.value.hint
