"""The exports of a persona, in `models/export.json`: which adapter each was made from, and its files. Newest last."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from chatclone.errors import ChatcloneError
from chatclone.paths import ensure
from chatclone.personas.persona import Persona
from chatclone.storage.atomic_files import write_atomically
from chatclone.storage.fingerprint import check_pair

FILE = "export.json"


class ExportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One export."""

    kind: str
    """`adapter` or `merged`."""
    quant: str
    base: str
    """The base the adapter was trained on, as the persona names it."""
    adapter: str
    """The adapter's folder, relative to the persona's."""
    adapter_sha256: str
    """Hash of the adapter's weights."""
    model: Path
    """The GGUF to load: the merged model, or the base."""
    lora: Path | None = None
    """The adapter as GGUF; None for a merged model."""
    base_weights: str
    """Fingerprint of the base's safetensors."""
    model_mark: str
    """Fingerprint of `model`."""

    def check_files(self) -> None:
        """Refuse a base GGUF that was replaced by another one since the export."""
        if self.lora:
            check_pair(self.model, self.lora, self.model_mark)


class _RecordFile(msgspec.Struct):
    exports: list[ExportRecord]


def current_export(persona: Persona, home: Path) -> ExportRecord | None:
    """Return the newest export of the persona's current adapter whose files still exist."""
    adapter = persona.adapter_folder
    if adapter is None or not (adapter / "adapter_model.safetensors").is_file():
        return None
    current = (persona.base, persona.adapter, adapter_sha256(adapter))
    for entry in reversed(read_exports(persona, home)):
        same = (entry.base, entry.adapter, entry.adapter_sha256) == current
        if same and entry.model.is_file() and (entry.lora is None or entry.lora.is_file()):
            return entry
    return None


def read_exports(persona: Persona, home: Path) -> list[ExportRecord]:
    """Return all recorded exports of a persona, oldest first."""
    path = persona.models_folder / FILE
    if not path.is_file():
        return []

    def decode_path(_type: type, text: Any) -> Path:
        return home / str(text)

    try:
        return msgspec.json.decode(path.read_bytes(), type=_RecordFile, dec_hook=decode_path).exports
    except (OSError, msgspec.MsgspecError) as error:
        raise ChatcloneError(
            "cannot read {path}: {error}", "delete it and export again: chatclone export", path=path, error=error
        ) from None


def record_export(persona: Persona, home: Path, record: ExportRecord) -> None:
    """Append an export; an older one with the same files is replaced."""
    forget_export(persona, home, record.model, record.lora)
    _write(persona, home, [*read_exports(persona, home), record])


def forget_export(persona: Persona, home: Path, model: Path, lora: Path | None) -> None:
    """Remove the record of the export with these files, if there is one; the files stay."""
    records = read_exports(persona, home)
    kept = [record for record in records if (record.model, record.lora) != (model, lora)]
    if len(kept) < len(records):
        _write(persona, home, kept)


def adapter_sha256(adapter: Path) -> str:
    """Return the hash of an adapter's weights: a resumed run writes new ones to the same folder."""
    with (adapter / "adapter_model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(persona: Persona, home: Path, records: list[ExportRecord]) -> None:
    """Write the file; paths within the home are relative to it, so that a home can be moved."""

    def encode_path(path: Any) -> str:
        return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)

    text = msgspec.json.format(msgspec.json.encode(_RecordFile(records), enc_hook=encode_path), indent=1)
    write_atomically(ensure(persona.models_folder) / FILE, text.decode())
