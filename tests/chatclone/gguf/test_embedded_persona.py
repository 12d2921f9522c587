"""The persona that travels in a GGUF file."""

import struct
from pathlib import Path

import pytest

from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.gguf.embedded_persona import BASE_FILE, embedded_persona, files_to_load, persona_metadata
from chatclone.gguf.header import Value
from chatclone.personas.persona import Persona

MIRA = Persona(
    Path("nowhere"),
    "Mira",
    system="You are {name}. You write to {partner}.",
    about=("She has a cat.",),
    partners=("Theo", "Anna"),
    sampling=Sampling(temperature=0.7, min_p=0.1, max_tokens=99, seed=5),
)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _file(path: Path, keys: dict[str, Value]) -> Path:
    """Write a GGUF file that is nothing but a header, in the types that the driver writes."""
    packed = [_text(key) + _value(value) for key, value in keys.items()]
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(packed)) + b"".join(packed))
    return path


def _value(value: Value) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + _text(value)
        case float():
            return struct.pack("<If", 6, value)
        case _:
            return struct.pack("<II", 4, value)


class TestPersona:
    """Writing and reading the embedded persona."""

    def test_round_trip(self, tmp_path: Path) -> None:
        """Name, system prompt with its facts, partner and sampling are restored; the seed is not."""
        carried = embedded_persona(_file(tmp_path / "a.gguf", persona_metadata(MIRA)), tmp_path)
        assert carried is not None
        assert (carried.name, carried.partners) == ("Mira", ("Theo",))
        assert carried.system_prompt("Theo") == MIRA.system_prompt("Theo")
        assert carried.system_prompt("Bo") == MIRA.system_prompt("Bo")
        assert carried.sampling == Sampling(temperature=0.7, min_p=0.1, max_tokens=99)

    def test_apart_from_personas(self, tmp_path: Path) -> None:
        """Its folder is apart from the personas of that home, and is not created by reading."""
        carried = embedded_persona(_file(tmp_path / "a.gguf", persona_metadata(MIRA)), tmp_path / "home")
        assert carried is not None
        assert carried.folder == tmp_path / "home" / "carried" / "mira"
        assert not (tmp_path / "home").exists()

    def test_none(self, tmp_path: Path) -> None:
        """Any other GGUF has no persona."""
        assert embedded_persona(_file(tmp_path / "a.gguf", {"general.name": "Qwen"}), tmp_path) is None


class TestFiles:
    """The files to load for a GGUF file."""

    def test_model(self, tmp_path: Path) -> None:
        """A model is loaded by itself."""
        model = _file(tmp_path / "a.gguf", {"general.type": "model"})
        assert files_to_load(model, tmp_path) == (model, None)

    @pytest.mark.parametrize("place", [".", "cache/gguf"])
    def test_lora(self, tmp_path: Path, place: str) -> None:
        """An adapter finds its base beside it, or in the home's cache."""
        base = tmp_path / place / "base.gguf"
        base.parent.mkdir(parents=True, exist_ok=True)
        base.write_bytes(b"weights")
        lora = _file(tmp_path / "lora.gguf", {"general.type": "adapter", **persona_metadata(MIRA, "w", base)})
        assert files_to_load(lora, tmp_path) == (base, lora)

    def test_another_base(self, tmp_path: Path) -> None:
        """A file of the same name with other weights is refused as its base."""
        base = tmp_path / "base.gguf"
        base.write_bytes(b"weights")
        lora = _file(tmp_path / "lora.gguf", {"general.type": "adapter", **persona_metadata(MIRA, "w", base)})
        base.write_bytes(b"WEIGHTS")
        with pytest.raises(ChatcloneError, match=r"base\.gguf is not the base that lora\.gguf was exported for"):
            files_to_load(lora, tmp_path)

    def test_of_before_there_were_marks(self, tmp_path: Path) -> None:
        """An adapter without a fingerprint takes its base by name."""
        lora = _file(tmp_path / "lora.gguf", {"general.type": "adapter", BASE_FILE: "base.gguf"})
        (tmp_path / "base.gguf").touch()
        assert files_to_load(lora, tmp_path) == (tmp_path / "base.gguf", lora)

    @pytest.mark.parametrize("name", ["../../etc/passwd", "base.gguf", ""])
    def test_lora_alone(self, tmp_path: Path, name: str) -> None:
        """Without its base the adapter is refused; the name in it cannot lead to another folder."""
        lora = _file(tmp_path / "lora.gguf", {"general.type": "adapter", **persona_metadata(MIRA), BASE_FILE: name})
        with pytest.raises(ChatcloneError, match="its base model is missing") as caught:
            files_to_load(lora, tmp_path)
        assert "--kind merged" in caught.value.hint
