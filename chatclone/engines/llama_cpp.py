"""The engine on llama.cpp: a GGUF model, with or without a LoRA adapter in GGUF.

Token ids go in and come out; the library's chat formats, its text prompts and its sampling defaults are not used.
Imported lazily, since it imports llama_cpp.
"""

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from chatclone.engines.hardware import (
    ALL_LAYERS,
    READ_BATCH,
    Chosen,
    Weights,
    check_memory,
    choose_batch,
    choose_gpu_layers,
    choose_threads,
)
from chatclone.engines.protocol import Cancelled, Loading, Sampling, undisturbed
from chatclone.engines.token_loop import MAX_CONTEXT, LocalEngine
from chatclone.errors import ChatcloneError
from chatclone.gguf.model_file import GgufModel, last_error

_ABORTED = 2
"""What llama_decode returns when the abort callback said yes (llama.h)."""


class LlamaEngine(LocalEngine):
    """Runs a GGUF model through llama.cpp's own functions; one conversation at a time, its prefix kept."""

    name = "gguf"
    read_batch = READ_BATCH

    def __init__(
        self,
        model: Path,
        lora: Path | None = None,
        *,
        context: int | None = None,
        threads: int | None = None,
        label: str = "",
        loading: Loading = undisturbed,
    ) -> None:
        layers = _fitting_layers(model, context or MAX_CONTEXT)
        self._gguf = GgufModel(model, gpu_layers=layers[0], loading=loading)
        label = label or (f"{model.name} + {lora.name}" if lora else model.name)
        super().__init__(label, context or min(self._gguf.trained_context, MAX_CONTEXT), self._gguf.template)
        size = int(llama_cpp.llama_model_size(self._gguf.handle))
        chosen = (threads, "as asked") if threads else choose_threads(size)
        self.settings = _told(chosen, choose_batch(), layers)
        self._context: Any = None
        self._adapter: Any = None
        try:
            self._context = self._new_context(chosen[0])
            self._memory = llama_cpp.llama_get_memory(self._context)
            if lora is not None:
                self._set_adapter(lora)
        except ChatcloneError:
            self.close()
            raise

    def _free(self) -> None:
        if self._context:
            llama_cpp.llama_free(self._context)
            self._context = None
        self._gguf.close()

    def set_strength(self, strength: float) -> None:
        """Apply the adapter at this strength; what was computed with another is forgotten."""
        if self._adapter is None:
            super().set_strength(strength)
        self._check_open()
        with self._turn:
            adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(self._adapter)
            llama_cpp.llama_set_adapters_lora(self._context, adapters, 1, (ctypes.c_float * 1)(strength))
            self._keep(0)

    def logits(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the logits after each of `ids`, shape (len(ids), vocabulary)."""
        self._keep(0)
        rows = [self._logits_of(ids[i : i + READ_BATCH], i) for i in range(0, len(ids), READ_BATCH)]
        self._held = list(ids)
        return np.concatenate(rows)

    def _new_context(self, threads: int) -> Any:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.context
        params.n_batch = params.n_ubatch = READ_BATCH
        params.n_threads = params.n_threads_batch = threads
        # A sliding window that forgets could not be cut back to a common prefix.
        params.swa_full = True
        params.no_perf = True
        context = llama_cpp.llama_init_from_model(self._gguf.handle, params)
        if not context:
            raise ChatcloneError(
                f"llama.cpp cannot make a context of {self.context} tokens: {last_error()}",
                "free some memory, or export with a smaller --quant",
            )
        return context

    def _set_adapter(self, lora: Path) -> None:
        adapter = llama_cpp.llama_adapter_lora_init(self._gguf.handle, str(lora).encode())
        if not adapter:
            raise ChatcloneError(
                f"llama.cpp cannot apply {lora.name} to {self._gguf.path.name}: {last_error()}",
                "export again: the adapter must come from the same base model",
            )
        self._adapter = adapter  # the model owns it and frees it
        self.set_strength(1.0)

    def _crop(self, length: int) -> int:
        if llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1):
            return length
        llama_cpp.llama_memory_clear(self._memory, True)
        return 0

    def _feed(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> bool:
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        batch = llama_cpp.llama_batch_get_one(tokens, len(ids))
        if cancelled is None:
            return self._decode(batch)
        # Asked between the operations of the graph, so that Esc does not wait for the batch.
        ask = llama_cpp.ggml_abort_callback(lambda _data: cancelled())
        llama_cpp.llama_set_abort_callback(self._context, ask, None)
        try:
            return self._decode(batch)
        finally:
            llama_cpp.llama_set_abort_callback(self._context, llama_cpp.ggml_abort_callback(), None)

    def _decode(self, batch: Any) -> bool:
        """Compute a batch; False when it was aborted, and then nothing of it is held."""
        result = llama_cpp.llama_decode(self._context, batch)
        if result == _ABORTED:
            llama_cpp.llama_memory_seq_rm(self._memory, 0, len(self._held), -1)
        elif result != 0:
            raise ChatcloneError(f"llama.cpp failed with code {result}: {last_error()}", "free some memory")
        return bool(result == 0)

    def _chooser(self, sampling: Sampling) -> Callable[[], int]:
        chain = _Sampler(sampling)
        return lambda: chain.choose(self._context)

    def _logits_of(self, ids: Sequence[int], start: int) -> npt.NDArray[np.float32]:
        """Compute `ids` at positions from `start` on and return the logits after each."""
        batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
        try:
            batch.n_tokens = len(ids)
            for i, token in enumerate(ids):
                batch.token[i], batch.pos[i] = token, start + i
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
                batch.logits[i] = True
            self._decode(batch)
            size = len(ids) * self._gguf.vocabulary_size
            flat = np.ctypeslib.as_array(llama_cpp.llama_get_logits(self._context), shape=(size,))
            return flat.reshape(len(ids), -1).copy()
        finally:
            llama_cpp.llama_batch_free(batch)


class _Sampler:
    """llama.cpp's own samplers in its own order: top-p, min-p, then the temperature."""

    def __init__(self, sampling: Sampling) -> None:
        self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        if sampling.temperature <= 0:
            self._add(llama_cpp.llama_sampler_init_greedy())
            return
        self._add(llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1))
        self._add(llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1))
        self._add(llama_cpp.llama_sampler_init_temp(sampling.temperature))
        seed = llama_cpp.LLAMA_DEFAULT_SEED if sampling.seed is None else sampling.seed % llama_cpp.LLAMA_DEFAULT_SEED
        self._add(llama_cpp.llama_sampler_init_dist(seed))

    def __del__(self) -> None:
        llama_cpp.llama_sampler_free(self._chain)

    def choose(self, context: Any) -> int:
        """Return the token after those the context holds."""
        return int(llama_cpp.llama_sampler_sample(self._chain, context, -1))

    def _add(self, sampler: Any) -> None:
        llama_cpp.llama_sampler_chain_add(self._chain, sampler)


def _fitting_layers(model: Path, context: int) -> Chosen:
    """Return how many layers a graphics card computes; raises ChatcloneError where the model does not fit at all."""
    try:
        weights = Weights.of(model)
    except (ChatcloneError, OSError):  # a missing or damaged file: loading it tells more
        return 0, "how large its layers are is not known"
    layers = choose_gpu_layers(weights, context)
    check_memory(model.name, weights, context, layers[0])
    return layers


def _told(threads: Chosen, batch: Chosen, layers: Chosen) -> tuple[str, ...]:
    """Return the choices as people read them."""
    where = {0: "on the CPU", ALL_LAYERS: "on the graphics card"}.get(layers[0], f"{layers[0]} layers on the card")
    count = "1 thread" if threads[0] == 1 else f"{threads[0]} threads"
    return (f"{where} ({layers[1]})", f"{count} ({threads[1]})", f"{batch[0]} tokens of a prompt at once ({batch[1]})")
