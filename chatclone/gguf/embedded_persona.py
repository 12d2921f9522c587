"""The persona that travels in a GGUF file: name, system prompt and sampling, under keys `chatclone.*` of its metadata.

With it one file chats on a computer that has neither the persona's folder nor the training stack. A shared base holds
none of it; a LoRA names the base it belongs to.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.gguf.header import Value, read_metadata
from chatclone.paths import cache_directory
from chatclone.personas.persona import Persona, slug_of
from chatclone.storage.fingerprint import check_pair, file_mark

PREFIX = "chatclone."
BASE_FILE = PREFIX + "base_file"
BASE_MARK = PREFIX + "base_mark"
"""The mark of the base's GGUF that a LoRA was compared on."""
BASE_WEIGHTS = PREFIX + "base_weights"
"""The mark of the base's weights in transformers."""

_SAMPLING = tuple(field.name for field in fields(Sampling) if field.name != "seed")
"""A seed stays at home: who carries the file away does not want the same reply each time."""


def keys_of(persona: Persona, base_weights: str = "", base_gguf: Path | None = None) -> dict[str, Value]:
    """Return the keys to write for a persona; `base_gguf` is the file that a LoRA is for."""
    keys: dict[str, Value] = {
        PREFIX + "name": persona.name,
        PREFIX + "partner": next(iter(persona.partners), ""),
        # The partner stays open: another person may sit at the other computer.
        PREFIX + "system": persona.system_prompt("{partner}"),
        BASE_WEIGHTS: base_weights,
        BASE_FILE: base_gguf.name if base_gguf else "",
        BASE_MARK: file_mark(base_gguf) if base_gguf else "",
    }
    keys |= {PREFIX + name: getattr(persona.sampling, name) for name in _SAMPLING}
    return {key: value for key, value in keys.items() if value != ""}


def carried_persona(model: Path, home: Path) -> Persona | None:
    """Return the persona in a GGUF file, or None where it carries none; its chats are kept apart within `home`."""
    metadata = read_metadata(model)
    name = metadata.get(PREFIX + "name")
    if not isinstance(name, str):
        return None
    partner = metadata.get(PREFIX + "partner")
    values: dict[str, Any] = {}
    for field in _SAMPLING:
        value = metadata.get(PREFIX + field)
        if value is not None:
            # GGUF keeps 32 bits of a float: 0.8 comes back as 0.800000011920929.
            values[field] = round(value, 6) if isinstance(value, float) else value
    return Persona(
        folder=home / "carried" / slug_of(name),
        name=name,
        system=str(metadata.get(PREFIX + "system", Persona.system)),
        partners=(str(partner),) if partner else (),
        sampling=Sampling(**values),
    )


def files_of(model: Path, home: Path) -> tuple[Path, Path | None]:
    """Return what to load for a GGUF file: itself, or for a LoRA its base, beside it or in the cache, and it."""
    metadata = read_metadata(model)
    if metadata.get("general.type") != "adapter":
        return model, None
    name = str(metadata.get(BASE_FILE, ""))
    places = [folder / Path(name).name for folder in (model.absolute().parent, cache_directory(home) / "gguf") if name]
    for place in places:
        if place.is_file():
            check_pair(place, model, str(metadata.get(BASE_MARK, "")))
            return place, model
    wanted = f": {name} is not beside it" if name else ""
    raise ChatcloneError(
        f"{model.name} is an adapter, and its base model is missing{wanted}",
        "copy both files to one folder, or export one file: chatclone export --kind merged",
    )
