"""A persona's folder: who it is, what it was made from, and which adapter is current."""

import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tomli_w

from chatclone.engines.sampling import Sampling
from chatclone.errors import ChatcloneError
from chatclone.paths import ensure, personas_directory
from chatclone.storage.atomic_files import write_atomically

DEFAULT_SYSTEM = "You are {name}, chatting with {partner}. Write the way {name} writes."


@dataclass(frozen=True)
class Persona:
    """What `persona.toml` holds, and the paths of everything beside it."""

    folder: Path
    name: str
    """The person's name, as it stands in the prompt."""
    ids: dict[str, str] = field(default_factory=dict)
    """Platform to the person's id there, such as {"telegram": "user123"}."""
    languages: tuple[str, ...] = ()
    base: str = "starter"
    """What the current adapter was trained on: `starter`, a folder, or a hub id."""
    adapter: str = ""
    """The current adapter, relative to the folder; empty before the first training."""
    system: str = DEFAULT_SYSTEM
    """The system prompt; {name} and {partner} are filled in."""
    about: tuple[str, ...] = ()
    """Facts that stand in the system prompt, a line each."""
    partners: tuple[str, ...] = ()
    """Whom the person wrote with, most messages first: whom the clone may be talking to."""
    consent: str = ""
    """For a clone of somebody else: when and how it was confirmed that they agreed."""
    remember_chats: bool = True
    """Whether memory also keeps what you tell the clone."""
    sampling: Sampling = field(default_factory=Sampling)

    @property
    def slug(self) -> str:
        """The name of the folder, by which commands know the persona."""
        return self.folder.name

    @property
    def archive_file(self) -> Path:
        """Imported messages."""
        return self.folder / "archive.sqlite"

    @property
    def chats_file(self) -> Path:
        """Conversations with the clone."""
        return self.folder / "chats.sqlite"

    @property
    def memory_file(self) -> Path:
        """What was said, to be found again."""
        return self.folder / "memory.sqlite"

    @property
    def dataset_folder(self) -> Path:
        """train.jsonl, eval.jsonl, report.json."""
        return self.folder / "dataset"

    @property
    def runs_folder(self) -> Path:
        """One folder a training run."""
        return self.folder / "runs"

    @property
    def models_folder(self) -> Path:
        """GGUF files of this persona."""
        return self.folder / "models"

    @property
    def adapter_folder(self) -> Path | None:
        """The current adapter, or None before the first training."""
        return self.folder / self.adapter if self.adapter else None

    def system_prompt(self, partner: str) -> str:
        """Return the system turn for a chat with `partner`, with the facts below it."""
        text = self.system.replace("{name}", self.name).replace("{partner}", partner or "a friend")
        if not self.about:
            return text
        return "\n".join([text, f"About {self.name}:", *(f"- {fact}" for fact in self.about)])

    def save(self) -> None:
        """Write `persona.toml`."""
        table = {k: v for k, v in asdict(self).items() if k != "folder"}
        table["sampling"] = {k: v for k, v in table["sampling"].items() if v is not None}
        write_atomically(ensure(self.folder) / "persona.toml", tomli_w.dumps(_listed(table)))

    def with_(self, **changes: Any) -> "Persona":
        """Return a saved copy with some fields changed."""
        changed = replace(self, **changes)
        changed.save()
        return changed


def load(folder: Path) -> Persona:
    """Read a persona's folder; unknown keys and unreadable files are errors a person can act on."""
    path = folder / "persona.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ChatcloneError(f"there is no persona in {folder}", "chatclone persona list") from None
    except tomllib.TOMLDecodeError as error:
        raise ChatcloneError(f"{path} is not valid TOML: {error}", "mend that line in an editor") from None
    known = {f.name for f in fields(Persona)} - {"folder"}
    if unknown := sorted(table.keys() - known):
        raise ChatcloneError(
            f"{path} has unknown keys: {', '.join(unknown)}",
            f"known are {', '.join(sorted(known))}",
        )
    try:
        sampling = Sampling(**table.pop("sampling", {}))
    except TypeError as error:
        raise ChatcloneError(
            f"{path}, [sampling]: {error}",
            "known are temperature, top_p, min_p, max_tokens, seed",
        ) from None
    return Persona(folder=folder, sampling=sampling, **{k: _tupled(v) for k, v in table.items()})


def list_all(home: Path) -> list[Persona]:
    """Return all personas of a home, by name."""
    folder = personas_directory(home)
    return [load(p.parent) for p in sorted(folder.glob("*/persona.toml"))] if folder.is_dir() else []


def find(home: Path, slug: str) -> Persona:
    """Return the persona in folder `slug`."""
    check_slug(slug)
    if not (personas_directory(home) / slug / "persona.toml").exists():
        names = [p.slug for p in list_all(home)]
        hint = f"there is {', '.join(names)}" if names else "chatclone import result.json"
        raise ChatcloneError(f"there is no persona called {slug}", hint)
    return load(personas_directory(home) / slug)


def check_slug(slug: str) -> None:
    """Refuse a name that is not one folder's name."""
    if not slug or Path(slug).name != slug or slug.startswith("."):
        raise ChatcloneError(f"{slug!r} cannot be the name of a persona", "use one word, such as mira")


def delete(persona: Persona) -> None:
    """Remove a persona with everything beside it."""
    shutil.rmtree(persona.folder)


def slug_of(name: str, taken: Sequence[str] = ()) -> str:
    """Return a folder name for a person's name, in any alphabet, that is not among `taken`."""
    words = re.findall(r"\w+", name.casefold())
    slug = "-".join(words[:1]) or "persona"
    number = 2
    candidate = slug
    while candidate in taken:
        candidate, number = f"{slug}-{number}", number + 1
    return candidate


def _listed(value: Any) -> Any:
    """Turn tuples into lists, as TOML has no tuples."""
    if isinstance(value, dict):
        return {k: _listed(v) for k, v in value.items()}
    return [_listed(v) for v in value] if isinstance(value, list | tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
