"""Embedders that need no model: words become directions by their hash, so texts that share words are near."""

import re
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memory.embedding.embedder import EmbedderError, Identity

Vectors = NDArray[np.float32]


class HashEmbedder:
    """Embeds words by their hash; `means` gives words of one meaning one direction, as a model would."""

    def __init__(self, means: Mapping[str, str] | None = None, *, model: str = "hash", dimension: int = 64) -> None:
        self.identity = Identity(model, dimension, 1)
        self.embedded: list[str] = []
        self.asked: list[str] = []
        self.closed = False
        self.breaks_after: int | None = None
        self._means = dict(means or {})

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of a question, and note it."""
        self._check()
        self.asked.append(text)
        return self._vector(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages, and note them."""
        self._check()
        self.embedded += texts
        return np.stack([self._vector(text) for text in texts])

    def close(self) -> None:
        """Note that the model was freed."""
        self.closed = True

    def _check(self) -> None:
        if self.breaks_after is not None and len(self.embedded) >= self.breaks_after:
            raise EmbedderError("out of order")

    def _vector(self, text: str) -> Vectors:
        vector = np.zeros(self.identity.dimension, np.float32)
        for word in re.findall(r"[^\W\d_]+", text.casefold()):
            seed = zlib.crc32(self._means.get(word, word).encode())
            vector += np.random.default_rng(seed).standard_normal(len(vector)).astype(np.float32)
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector
