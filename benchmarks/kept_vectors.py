"""An embedder that embeds every text once and can keep the vectors in a file: a benchmark is then cheap to repeat."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory.embedding.embedder import Embedder, Identity

Vectors = NDArray[np.float32]


class KeptVectors:
    """Another embedder's vectors, by text; `save` writes them to `path`, where the next one finds them."""

    def __init__(self, embedder: Embedder, path: Path | None = None) -> None:
        self._embedder, self._path = embedder, path
        self._identity: Identity | None = None
        self._passages: dict[str, Vectors] = {}
        self._queries: dict[str, Vectors] = {}
        if path is not None and path.exists():
            with np.load(path) as kept:
                for name, known in (("passage", self._passages), ("query", self._queries)):
                    known |= dict(zip(kept[f"{name}_texts"].tolist(), kept[f"{name}_vectors"], strict=True))

    @property
    def identity(self) -> Identity:
        """The other embedder's."""
        self._identity = self._identity or self._embedder.identity
        return self._identity

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of a question."""
        if text not in self._queries:
            self._queries[text] = self._embedder.embed_query(text)
        return self._queries[text]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages."""
        if unknown := [text for text in dict.fromkeys(texts) if text not in self._passages]:
            self._passages |= dict(zip(unknown, self._embedder.embed_passages(unknown), strict=True))
        return np.stack([self._passages[text] for text in texts])

    def close(self) -> None:
        """Keep the model: the next memory needs it."""

    def save(self) -> None:
        """Write the vectors, if a file was named."""
        if self._path is not None:
            arrays: dict[str, Any] = {}
            for name, known in (("passage", self._passages), ("query", self._queries)):
                arrays |= {f"{name}_texts": np.array(list(known)), f"{name}_vectors": np.array(list(known.values()))}
            np.savez(self._path, **arrays)
