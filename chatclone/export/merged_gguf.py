"""Base and adapter merged into one GGUF file, which any program that runs GGUF can load."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.errors import ChatcloneError
from chatclone.export.base_gguf import convert
from chatclone.export.converter import Metadata, Progress
from chatclone.export.large_files import partial_name
from chatclone.export.quantize import Quant
from chatclone.i18n.message import Message
from chatclone.paths import ensure

if TYPE_CHECKING:
    import torch

TOKENIZER_FILES = ("tokenizer*", "*.jinja", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt")

LIBRARIES_BYTES = 1_000_000_000
"""Memory of Python with torch, transformers and PEFT loaded, and of one layer being merged."""


def merged_gguf(
    adapter: Path, base: Path, target: Path, quant: Quant, scripts: Path, progress: Progress, metadata: Metadata
) -> None:
    """Merge the adapter into the base in 32 or 16 bits, never in 4, and convert the result."""
    with tempfile.TemporaryDirectory(dir=ensure(target.parent), prefix=partial_name("merge")) as folder:
        progress(Message("merging the adapter into the base"))
        merge(adapter, base, Path(folder))
        progress(Message("converting the merged model to {quant}", quant=quant))
        convert(Path(folder), target, quant, scripts, target.stem, metadata)


def merge_dtype(base: Path) -> "torch.dtype":
    """Return the precision a model is merged in: 32 bits where it is small, else 16."""
    import torch

    from chatclone.engines.transformers import choose_dtype

    return choose_dtype(base, torch.device("cpu"))[0]


def merge_memory_bytes(parameters: int, bytes_per_weight: int) -> int:
    """Return the peak memory of a merge at most: the weights as read and as merged, and the libraries.

    Measured on models of 280 and 390 million parameters: 1.7 to 2.4 GB in 16 bits, 2.7 to 3.8 GB in 32, where a third
    copy exists because the weights are read in 16 bits and widened.
    """
    copies = 2 if bytes_per_weight <= 2 else 3
    return copies * parameters * bytes_per_weight + LIBRARIES_BYTES


def merge(adapter: Path, base: Path, folder: Path) -> None:
    """Write the merged model, with the base's own tokenizer and template, to `folder`."""
    from chatclone.engines.transformers import load_model

    model = load_model(base, adapter, merge_dtype(base))
    try:
        merged = model.merge_and_unload(safe_merge=True)
    except ValueError as error:  # raised by PEFT when a merged weight is not finite
        raise ChatcloneError(
            "the adapter cannot be merged: {error}", "train again, with a lower learning rate", error=error
        ) from error
    merged.save_pretrained(folder)
    for pattern in TOKENIZER_FILES:
        for file in base.glob(pattern):
            shutil.copy(file, folder)
