"""How exactly the weights are kept, and llama.cpp's own quantisation of a GGUF file."""

import ctypes
from pathlib import Path
from typing import Literal, get_args

from chatclone.errors import ChatcloneError, UsageError
from chatclone.export.large_files import written_whole

Quant = Literal["f16", "q8_0", "q6_k", "q5_k_m", "q4_k_m"]
QUANTS: tuple[Quant, ...] = get_args(Quant)

EXACT_BELOW = 100_000_000
Q8_UP_TO = 1_500_000_000


def default_quant(parameters: int) -> tuple[Quant, str]:
    """Return the quant for a base of so many parameters, and why."""
    if parameters < EXACT_BELOW:
        return "f16", "a model this small saves nothing by quantising, and f16 answers like the adapter itself"
    if parameters <= Q8_UP_TO:
        return "q8_0", "small models lose style first; q8_0 halves the file and loses next to nothing"
    return "q4_k_m", "above 1.5 billion parameters 4 bits lose little, and make it fit and fast"


def checked_quant(name: str) -> Quant:
    """Return `name` as a Quant, or say which there are."""
    for quant in QUANTS:
        if quant == name.lower():
            return quant
    raise UsageError(f"there is no quant called {name}", f"known are {', '.join(QUANTS)}")


def quantise(source: Path, target: Path, quant: Quant) -> None:
    """Write the f16 GGUF `source` as `quant` to `target`, whole or not at all."""
    import llama_cpp

    from chatclone.gguf.model_file import last_error

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{quant.upper()}")
    with written_whole(target) as partial:
        code = llama_cpp.llama_model_quantize(str(source).encode(), str(partial).encode(), ctypes.byref(params))
        if code != 0:
            raise ChatcloneError(f"llama.cpp cannot quantise {source.name}: {last_error()}", "try --quant f16")
