"""The persona embedded in a GGUF file: name, system prompt and sampling, under keys `chatclone.*` of its metadata.

With it a file can chat on a computer that has neither the persona's folder nor the training stack. A shared base
holds none of it; an adapter names the base it belongs to.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError
from chatclone.gguf.header import Value, read_metadata
from chatclone.paths import cache_directory
from chatclone.personas.persona import Persona, slug_of
from chatclone.personas.sampling import Sampling
from chatclone.storage.fingerprint import check_pair, file_mark

PREFIX = "chatclone."
BASE_FILE = PREFIX + "base_file"
BASE_MARK = PREFIX + "base_mark"
"""Fingerprint of the base's GGUF that an adapter was compared on."""
BASE_WEIGHTS = PREFIX + "base_weights"
"""Fingerprint of the base's safetensors."""

_SAMPLING = tuple(field.name for field in fields(Sampling) if field.name != "seed")
"""Without the seed: whoever copies the file does not want the same reply each time."""


def persona_metadata(persona: Persona, base_weights: str = "", base_gguf: Path | None = None) -> dict[str, Value]:
    """Return the metadata to write for a persona; `base_gguf` is the base that an adapter is applied to."""
    values: dict[str, Value] = {
        PREFIX + "name": persona.name,
        PREFIX + "partner": next(iter(persona.partners), ""),
        # {partner} stays a placeholder: somebody else may use the other computer.
        PREFIX + "system": persona.system_prompt("{partner}"),
        BASE_WEIGHTS: base_weights,
        BASE_FILE: base_gguf.name if base_gguf else "",
        BASE_MARK: file_mark(base_gguf) if base_gguf else "",
    }
    values |= {PREFIX + name: getattr(persona.sampling, name) for name in _SAMPLING}
    return {key: value for key, value in values.items() if value != ""}


def embedded_persona(model: Path, home: Path) -> Persona | None:
    """Return the persona in a GGUF file, None where there is none; its conversations get a folder within `home`."""
    metadata = read_metadata(model)
    name = metadata.get(PREFIX + "name")
    if not isinstance(name, str):
        return None
    partner = metadata.get(PREFIX + "partner")
    sampling: dict[str, Any] = {}
    for field in _SAMPLING:
        value = metadata.get(PREFIX + field)
        if value is not None:
            # GGUF keeps 32 bits of a float: 0.8 comes back as 0.800000011920929.
            sampling[field] = round(value, 6) if isinstance(value, float) else value
    return Persona(
        folder=home / "carried" / slug_of(name),
        name=name,
        system=str(metadata.get(PREFIX + "system", Persona.system)),
        partners=(str(partner),) if partner else (),
        sampling=Sampling(**sampling),
    )


def files_to_load(model: Path, home: Path) -> tuple[Path, Path | None]:
    """Return model and adapter for a GGUF file; the base of an adapter is looked for beside it and in the cache."""
    metadata = read_metadata(model)
    if metadata.get("general.type") != "adapter":
        return model, None
    name = str(metadata.get(BASE_FILE, ""))
    for folder in (model.absolute().parent, cache_directory(home) / "gguf"):
        base = folder / Path(name).name
        if name and base.is_file():
            check_pair(base, model, str(metadata.get(BASE_MARK, "")))
            return base, model
    raise ChatcloneError(
        "{file} is an adapter, and its base model is missing: {base}",
        "copy both files to one folder, or export one file: chatclone export --kind merged",
        file=model.name,
        base=name or "the file does not name it",
    )
