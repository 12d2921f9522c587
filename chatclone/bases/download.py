"""Downloads a base model from the hub, after the user has agreed to its size.

Tokens come from the environment or the hub's own login (`hf auth login`), never from a file of ours. Only what
training needs is downloaded: configuration, tokenizer, safetensors, and the card with its licence.
"""

import fnmatch
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chatclone.errors import ChatcloneError, MissingExtra

WANTED = ("*.json", "*.safetensors", "*.model", "*.jinja", "tokenizer*", "vocab*", "merges.txt", "README.md", "LICEN*")
CLIENTS = ("httpx", "httpx2", "requests")
"""HTTP clients of the versions of huggingface_hub; not all their errors are OSErrors."""
SPARE = 1.05
"""Disk space required for each byte of the download."""


class Hub(Protocol):
    """A model hub."""

    def files(self, base: str) -> dict[str, int]:
        """Return the files of a model and their sizes in bytes."""

    def fetch(self, base: str, patterns: tuple[str, ...]) -> Path:
        """Download the files of a model and return their folder."""

    def cache(self) -> Path:
        """Return the folder that models are stored in."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Size of a download, before it starts."""

    base: str
    files: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.base}: {self.bytes / 1e9:,.2f} GB in {self.files} files from the model hub"


def download(base: str, agreed: Callable[[Offer], bool], hub: Hub | None = None) -> Path:
    """Download a base if `agreed` returns true for its size, and return its folder."""
    hub = hub or HuggingFace()
    files = {name: size for name, size in hub.files(base).items() if "/" not in name and _wanted(name)}
    if not any(name.endswith(".safetensors") for name in files):
        raise ChatcloneError(
            "{base} has no safetensors weights, and pickled ones are never loaded",
            "choose a version of it with *.safetensors files",
            base=base,
        )
    offer = Offer(base, len(files), sum(files.values()))
    _require_space(offer, hub.cache())
    if not agreed(offer):
        raise ChatcloneError("{base} was not downloaded", "name a folder with --base, or --base starter", base=base)
    return hub.fetch(base, tuple(files))


def _wanted(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in WANTED)


def _require_space(offer: Offer, cache: Path) -> None:
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < SPARE * offer.bytes:
        raise ChatcloneError(
            "{base} needs {size:,.1f} GB, but {free:,.1f} GB are free in {folder}",
            "free some space, set HF_HOME to a larger disk, or choose a smaller base",
            base=offer.base,
            size=offer.bytes / 1e9,
            free=free / 1e9,
            folder=existing,
        )


class HuggingFace:
    """The Hugging Face hub; every failure is a ChatcloneError."""

    def files(self, base: str) -> dict[str, int]:
        """Return the files of a model and their sizes in bytes."""
        try:
            from huggingface_hub import HfApi
        except ImportError:
            raise MissingExtra(f"downloading {base}", "train") from None
        with _hub_errors(base):
            info = HfApi().model_info(base, files_metadata=True)
        return {file.rfilename: file.size or 0 for file in info.siblings or []}

    def fetch(self, base: str, patterns: tuple[str, ...]) -> Path:
        """Download the files of a model to the hub's own cache and return their folder."""
        from huggingface_hub import snapshot_download

        with _hub_errors(base):
            return Path(snapshot_download(base, allow_patterns=list(patterns)))

    def cache(self) -> Path:
        """Return the hub's own cache."""
        from huggingface_hub.constants import HF_HUB_CACHE

        return Path(HF_HUB_CACHE)


@contextmanager
def _hub_errors(base: str) -> Iterator[None]:
    """Turn the hub's errors into a ChatcloneError."""
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise ChatcloneError(
            "{base} requires that you accept its licence",
            "accept it on the model's page, then hf auth login, and again --base {base} --download",
            base=base,
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        hint = "its id is OWNER/NAME, as on its page"
        raise ChatcloneError("the hub has no model {base}", hint, base=base) from error
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in CLIENTS:
            raise
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ChatcloneError(
            "{base} could not be downloaded: {reason}",
            "check the connection and the free disk space; the next try continues where this one stopped",
            base=base,
            reason=reason,
        ) from error
