"""Quantization: the formats of `--quant`, which one suits a base, and llama.cpp's quantization of a GGUF file.

To add a format, add it to `Quant` and `QUANTIZATIONS`; its number in GGUF files is in `chatclone/gguf/header.py`.
"""

import ctypes
from pathlib import Path
from typing import Literal

import msgspec

from chatclone.errors import ChatcloneError, UsageError
from chatclone.export.large_files import written_whole
from chatclone.i18n.message import Message

Quant = Literal["f16", "q8_0", "q6_k", "q5_k_m", "q4_k_m"]

EXACT_BELOW = 100_000_000
"""Parameters below which f16 is the default; q8_0 is up to the next number."""
Q8_UP_TO = 1_500_000_000


class Quantization(msgspec.Struct, frozen=True):
    """One format."""

    bytes_per_weight: float
    """Measured: size of whole files by number of parameters, embeddings at more bits included, rounded up."""
    note: str
    """What it means for the user."""
    least_agreement: float | None = None
    """Share of positions where the likeliest next token must be the adapter's; None: only reported."""


QUANTIZATIONS: dict[Quant, Quantization] = {
    "f16": Quantization(2.0, Message("as exact as the adapter itself"), 0.99),
    "q8_0": Quantization(1.07, Message("half the file, and next to nothing is lost"), 0.97),
    "q6_k": Quantization(0.83, Message("smaller, and little is lost")),
    "q5_k_m": Quantization(0.73, Message("smaller, and some of the style is lost on small bases")),
    "q4_k_m": Quantization(0.63, Message("the smallest and fastest; for bases above 1.5 billion parameters")),
}


def default_quant(parameters: int) -> tuple[Quant, str]:
    """Return the format for a base of so many parameters, and the reason."""
    if parameters < EXACT_BELOW:
        return "f16", Message("quantizing saves nothing on a model this small, and f16 answers like the adapter itself")
    if parameters <= Q8_UP_TO:
        return "q8_0", Message("small models lose style first; q8_0 halves the file and loses next to nothing")
    return "q4_k_m", Message("above 1.5 billion parameters 4 bits lose little, and make it fit and fast")


def parse_quant(name: str) -> Quant:
    """Return the format called `name`, in any case."""
    for quant in QUANTIZATIONS:
        if quant == name.lower():
            return quant
    raise UsageError(
        "there is no quantization called {name}", "choose one of {known}", name=name, known=", ".join(QUANTIZATIONS)
    )


def model_bytes(parameters: int, quant: Quant) -> int:
    """Return the size of a model's file."""
    return int(parameters * QUANTIZATIONS[quant].bytes_per_weight)


def disk_bytes(parameters: int, quant: Quant) -> int:
    """Return how much disk writing a model takes at most: its f16 file exists until it is quantized."""
    whole = model_bytes(parameters, "f16")
    return whole if quant == "f16" else whole + model_bytes(parameters, quant)


def quantize(source: Path, target: Path, quant: Quant) -> None:
    """Write the f16 GGUF `source` as `quant` to `target`, completely or not at all."""
    import llama_cpp

    from chatclone.gguf.model_file import last_error

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{quant.upper()}")
    with written_whole(target) as partial:
        code = llama_cpp.llama_model_quantize(str(source).encode(), str(partial).encode(), ctypes.byref(params))
        if code != 0:
            raise ChatcloneError(
                "llama.cpp cannot quantize {file}: {reason}", "try --quant f16", file=source.name, reason=last_error()
            )
