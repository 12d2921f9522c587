"""A persona's folder: who it is, what it was made from, and which adapter is current."""

import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from chatclone.errors import ChatcloneError
from chatclone.paths import ensure, personas_directory
from chatclone.personas.sampling import Sampling
from chatclone.storage.atomic_files import write_atomically
from chatclone.storage.locks import locked

FILE = "persona.toml"
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
        """Write `persona.toml` whole, as for a new persona; what exists is changed by `update`."""
        table = {k: v for k, v in asdict(self).items() if k != "folder"}
        table["sampling"] = {k: v for k, v in table["sampling"].items() if v is not None}
        write_atomically(ensure(self.folder) / FILE, tomli_w.dumps(_listed(table)))

    def update(self, **changes: Any) -> "Persona":
        """Change some fields of `persona.toml` and return what it holds now.

        The file is read again under a lock, so that what others have changed since this copy was read stays: a person
        who was forgotten while a training ran does not come back.
        """
        path = ensure(self.folder) / FILE
        with locked(path):
            changed = replace(load(self.folder) if path.exists() else self, **changes)
            changed.save()
        return changed


def load(folder: Path) -> Persona:
    """Read a persona's folder; unknown keys and unreadable files are errors a person can act on."""
    path = folder / FILE
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ChatcloneError("there is no persona in {folder}", "chatclone persona list", folder=folder) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ChatcloneError("{path} is not valid TOML: {error}", "fix that line", path=path, error=error) from None
    except OSError as error:
        raise ChatcloneError("{path}: {error}", "check the folder", path=path, error=error.strerror) from None
    for kind, keys, where in ((Persona, table, ""), (Sampling, table.get("sampling"), "sampling.")):
        known = {f.name for f in fields(kind)} - {"folder"}
        if isinstance(keys, dict) and (unknown := sorted(keys.keys() - known)):
            raise ChatcloneError(
                "{path} has unknown keys: {keys}",
                "known keys: {known}",
                path=path,
                keys=", ".join(where + key for key in unknown),
                known=", ".join(sorted(known)),
            )
    try:
        persona = msgspec.convert({**table, "folder": folder}, Persona)
    except msgspec.ValidationError as error:
        raise ChatcloneError("{path}: {error}", "fix that line", path=path, error=error) from None
    if not persona.name.strip():
        raise ChatcloneError("{path}: the name is empty", "fix that line", path=path)
    return persona


def list_all(home: Path) -> list[Persona]:
    """Return all personas of a home that can be read, by folder name."""
    return _read_all(home)[0]


def damaged(home: Path) -> dict[str, ChatcloneError]:
    """Return the folder names of personas whose `persona.toml` cannot be read, each with what is wrong."""
    return _read_all(home)[1]


def _read_all(home: Path) -> tuple[list[Persona], dict[str, ChatcloneError]]:
    root = personas_directory(home)
    readable: list[Persona] = []
    unreadable: dict[str, ChatcloneError] = {}
    for path in sorted(root.glob(f"*/{FILE}")) if root.is_dir() else ():
        try:
            readable.append(load(path.parent))
        except ChatcloneError as error:
            unreadable[path.parent.name] = error
    return readable, unreadable


def find(home: Path, slug: str) -> Persona:
    """Return the persona in folder `slug`."""
    return load(folder_of(home, slug))


def check_slug(slug: str) -> None:
    """Refuse a name that is not one folder's name."""
    if not slug or Path(slug).name != slug or slug.startswith("."):
        raise ChatcloneError("{name!r} cannot be the name of a persona", "use one word, such as mira", name=slug)


def folder_of(home: Path, slug: str) -> Path:
    """Return the folder of a persona, whether its file can be read or not."""
    check_slug(slug)
    folder = personas_directory(home) / slug
    if not (folder / FILE).exists():
        names = [p.parent.name for p in sorted(personas_directory(home).glob(f"*/{FILE}"))]
        hint = "choose one of: {names}" if names else "chatclone import result.json"
        raise ChatcloneError("there is no persona called {name}", hint, name=slug, names=", ".join(names))
    return folder


def delete(folder: Path) -> None:
    """Remove a persona's folder with everything in it."""
    shutil.rmtree(folder)


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
