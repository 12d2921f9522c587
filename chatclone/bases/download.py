"""A base model from the hub: its size told and agreed to before a byte of it is fetched.

Tokens come from the environment or the hub's own login (`hf auth login`), never from a file of ours. Only what
training needs is fetched: configuration, tokenizer, safetensors, and the card with its licence.
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
"""What versions of huggingface_hub talk to the hub with; not all their errors are OSErrors."""
SPARE = 1.05
"""Disk space wanted for each byte to come."""


class Hub(Protocol):
    """What is asked of a model hub."""

    def files(self, base: str) -> dict[str, int]:
        """Return the files of a model and their sizes in bytes."""

    def fetch(self, base: str, patterns: tuple[str, ...]) -> Path:
        """Bring the files of a model to this machine and return their folder."""

    def cache(self) -> Path:
        """Return the folder that models are kept in."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a download would bring, before it is begun."""

    base: str
    files: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.base}: {self.bytes / 1e9:,.2f} GB in {self.files} files from the model hub"


def download(base: str, agreed: Callable[[Offer], bool], hub: Hub | None = None) -> Path:
    """Fetch a base after `agreed` said yes to its size, and return its folder."""
    hub = hub or HuggingFace()
    files = {name: size for name, size in hub.files(base).items() if "/" not in name and _wanted(name)}
    if not any(name.endswith(".safetensors") for name in files):
        raise ChatcloneError(
            f"{base} has no safetensors weights, and pickled ones are never loaded",
            "choose a version of it with *.safetensors files",
        )
    offer = Offer(base, len(files), sum(files.values()))
    _require_space(offer, hub.cache())
    if not agreed(offer):
        raise ChatcloneError(f"{base} was not downloaded", "name a folder with --base, or --base starter")
    return hub.fetch(base, tuple(files))


def _wanted(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in WANTED)


def _require_space(offer: Offer, cache: Path) -> None:
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < SPARE * offer.bytes:
        raise ChatcloneError(
            f"{offer.base} takes {offer.bytes / 1e9:,.1f} GB and {free / 1e9:,.1f} GB are free beside {existing}",
            "free some space, set HF_HOME to a larger disk, or choose a smaller base",
        )


class HuggingFace:
    """The Hugging Face hub; every failure in words."""

    def files(self, base: str) -> dict[str, int]:
        """Return the files of a model and their sizes in bytes."""
        try:
            from huggingface_hub import HfApi
        except ImportError:
            raise MissingExtra(f"downloading {base}", "train") from None
        with _told(base):
            info = HfApi().model_info(base, files_metadata=True)
        return {file.rfilename: file.size or 0 for file in info.siblings or []}

    def fetch(self, base: str, patterns: tuple[str, ...]) -> Path:
        """Bring the files of a model to the hub's own cache and return their folder."""
        from huggingface_hub import snapshot_download

        with _told(base):
            return Path(snapshot_download(base, allow_patterns=list(patterns)))

    def cache(self) -> Path:
        """Return the hub's own cache."""
        from huggingface_hub.constants import HF_HUB_CACHE

        return Path(HF_HUB_CACHE)


@contextmanager
def _told(base: str) -> Iterator[None]:
    """Turn the hub's errors into what a person can do about them."""
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise ChatcloneError(
            f"{base} is given out only to those who accepted its licence",
            f"accept it on the model's page, then hf auth login, and again --base {base} --download",
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ChatcloneError(f"the hub has no model {base}", "its id is OWNER/NAME, as on its page") from error
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in CLIENTS:
            raise
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ChatcloneError(
            f"{base} could not be downloaded: {reason}",
            "look at the connection and the free disk space; what has arrived is kept for the next try",
        ) from error
