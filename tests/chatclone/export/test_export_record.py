"""What is remembered of an export, and when it no longer counts."""

import json
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.export import export_record
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


def _export(persona: Persona, home: Path, quant: str, model: str = "cache/base.gguf") -> export_record.Exported:
    assert persona.adapter_folder is not None
    sha256 = export_record.adapter_sha256(persona.adapter_folder)
    entry = export_record.Exported("merged", quant, persona.base, persona.adapter, sha256, home / model, None, {})
    export_record.add(persona, home, entry)
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
        assert len(export_record.read(persona, home)) == 2

    def test_same_files_again(self, home: Path) -> None:
        """A repeated export takes the place of the older one."""
        persona = _persona(home)
        _export(persona, home, "f16")
        _export(persona, home, "f16")
        assert len(export_record.read(persona, home)) == 1

    def test_home_moved(self, home: Path) -> None:
        """A home may be moved: its files are found where it is now."""
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
        """A file the user put elsewhere is remembered by its whole path."""
        persona = _persona(home)
        (tmp_path / "stick.gguf").touch()
        entry = _export(persona, home, "f16", str(tmp_path / "stick.gguf"))
        assert export_record.current_export(persona, home) == entry


class TestBase:
    """The base that a LoRA was compared on."""

    def test_replaced(self, home: Path) -> None:
        """Another base in the same place is noticed, and so is the same one put back."""
        persona = _persona(home)
        base, lora = home / "cache" / "base.gguf", home / "lora.gguf"
        lora.touch()
        mark = file_mark(base)
        entry = export_record.Exported("adapter", "f16", persona.base, persona.adapter, "", base, lora, {}, "", mark)
        export_record.add(persona, home, entry)
        (read,) = export_record.read(persona, home)
        export_record.check(read)
        base.write_bytes(b"other weights")
        with pytest.raises(ChatcloneError, match=r"base\.gguf is not the base"):
            export_record.check(read)
        base.write_bytes(b"")
        export_record.check(read)

    def test_of_before_there_were_marks(self, home: Path) -> None:
        """A record without marks is read, and nothing is held against it."""
        persona = _persona(home)
        _export(persona, home, "f16")
        path = persona.models_folder / export_record.FILE
        table = json.loads(path.read_text())
        del table["exports"][0]["base_weights"], table["exports"][0]["model_mark"]
        path.write_text(json.dumps(table))
        current = export_record.current_export(persona, home)
        assert current is not None
        export_record.check(current)
