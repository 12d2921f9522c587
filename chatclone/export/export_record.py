"""What was exported from which adapter: `models/export.json` of a persona, the newest entry last."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatclone.paths import ensure
from chatclone.personas.persona import Persona
from chatclone.storage.atomic_files import write_atomically
from chatclone.storage.fingerprint import check_pair

FILE = "export.json"


@dataclass(frozen=True, slots=True)
class Exported:
    """One export: the GGUF to load, the LoRA beside it if it is not merged, and how well it agreed."""

    kind: str
    quant: str
    base: str
    adapter: str
    """The adapter's folder within the persona's."""
    adapter_sha256: str
    model: Path
    lora: Path | None
    parity: dict[str, Any]
    base_weights: str = ""
    """The mark of the base's weights in transformers; empty in records of before there were marks."""
    model_mark: str = ""
    """The mark of the GGUF to load, so that another base under the same name is noticed."""


def current_export(persona: Persona, home: Path) -> Exported | None:
    """Return the newest export of the persona's current adapter whose files are still there."""
    adapter = persona.adapter_folder
    if adapter is None or not (adapter / "adapter_model.safetensors").is_file():
        return None
    sha256 = adapter_sha256(adapter)
    for entry in reversed(read(persona, home)):
        files = [entry.model, *([entry.lora] if entry.lora else [])]
        same = (entry.base, entry.adapter, entry.adapter_sha256) == (persona.base, persona.adapter, sha256)
        if same and all(file.is_file() for file in files):
            return entry
    return None


def check(exported: Exported) -> None:
    """Refuse an export whose base was replaced by one of other weights since a LoRA was compared on it."""
    if exported.lora and exported.model_mark:
        check_pair(exported.model, exported.lora, exported.model_mark)


def read(persona: Persona, home: Path) -> list[Exported]:
    """Return all recorded exports of a persona, oldest first."""
    path = persona.models_folder / FILE
    if not path.is_file():
        return []
    entries = json.loads(path.read_text("utf-8"))["exports"]
    return [
        Exported(**{**e, "model": home / e["model"], "lora": home / e["lora"] if e["lora"] else None}) for e in entries
    ]


def add(persona: Persona, home: Path, exported: Exported) -> None:
    """Record an export, in place of an older one with the same files."""
    drop(persona, home, exported.model, exported.lora)
    _write(persona, home, [*read(persona, home), exported])


def drop(persona: Persona, home: Path, model: Path, lora: Path | None) -> None:
    """Forget the export with these files, if there is one; the files stay."""
    every = read(persona, home)
    kept = [entry for entry in every if (entry.model, entry.lora) != (model, lora)]
    if len(kept) < len(every):
        _write(persona, home, kept)


def adapter_sha256(adapter: Path) -> str:
    """Return the hash of an adapter's weights: a resumed run writes new ones to the same folder."""
    with (adapter / "adapter_model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(persona: Persona, home: Path, entries: list[Exported]) -> None:
    path = ensure(persona.models_folder) / FILE
    tables = [_as_table(entry, home) for entry in entries]
    write_atomically(path, json.dumps({"exports": tables}, indent=1, ensure_ascii=False))


def _as_table(exported: Exported, home: Path) -> dict[str, Any]:
    """Return what is written: files within the home relative to it, so that a home may be moved."""
    table = asdict(exported)
    for key in ("model", "lora"):
        path: Path | None = table[key]
        table[key] = path and (path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path))
    return table
