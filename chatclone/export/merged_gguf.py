"""Base and adapter as one GGUF file, which any program that runs GGUF can load."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.errors import ChatcloneError
from chatclone.export.base_gguf import convert
from chatclone.export.converter import Keys, Progress
from chatclone.export.large_files import partial_name
from chatclone.export.quantize import Quant
from chatclone.paths import ensure

if TYPE_CHECKING:
    import torch

TOKENIZER_FILES = ("tokenizer*", "*.jinja", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt")


def merged_gguf(
    adapter: Path, base: Path, target: Path, quant: Quant, scripts: Path, progress: Progress, keys: Keys
) -> None:
    """Merge the adapter into the base at full or 16-bit precision, never into 4 bits, and convert the result."""
    with tempfile.TemporaryDirectory(dir=ensure(target.parent), prefix=partial_name("merge")) as place:
        progress("merging the adapter into the base")
        merge(adapter, base, Path(place))
        progress(f"converting the merged model to {quant}")
        convert(Path(place), target, quant, scripts, target.stem, keys)


def merge_dtype(base: Path) -> "torch.dtype":
    """Return the precision a model is merged in: 32 bits where it is small, else 16."""
    import torch

    from chatclone.engines.transformers import choose_dtype

    dtype, _ = choose_dtype(base, torch.device("cpu"))
    return dtype


def merge(adapter: Path, base: Path, folder: Path) -> None:
    """Write the merged model, with the base's own tokenizer and template, to `folder`."""
    from chatclone.engines.transformers import load_model

    model = load_model(base, adapter, merge_dtype(base))
    try:
        merged = model.merge_and_unload(safe_merge=True)
    except ValueError as error:  # PEFT's, when a merged weight is not finite
        raise ChatcloneError(
            f"the adapter cannot be merged: {error}", "train again, with a lower learning rate"
        ) from error
    merged.save_pretrained(folder)
    for pattern in TOKENIZER_FILES:
        for file in base.glob(pattern):
            shutil.copy(file, folder)
