"""The engine on llama.cpp: a GGUF model, with or without a LoRA adapter in GGUF.

It works on token ids; the library's chat formats, text prompts and sampling defaults are not used.
Import it lazily: it imports llama_cpp.
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
    Choice,
    MemoryNeed,
    check_memory,
    choose_gpu_layers,
    choose_threads,
)
from chatclone.engines.protocol import Cancelled, Sampling
from chatclone.engines.token_loop import MAX_CONTEXT, LocalEngine
from chatclone.errors import ChatcloneError
from chatclone.gguf.load_progress import Loading, keep_loading
from chatclone.gguf.model_file import GgufModel, last_error
from chatclone.i18n.message import Message

_ABORTED = 2
"""Result of llama_decode after the abort callback returned true (llama.h)."""


class LlamaEngine(LocalEngine):
    """Runs a GGUF model through llama.cpp's C functions; one conversation at a time, with a prefix cache."""

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
        loading: Loading = keep_loading,
    ) -> None:
        layers = _fitting_layers(model, context or MAX_CONTEXT)
        self._gguf = GgufModel(model, gpu_layers=layers[0], loading=loading)
        label = label or (f"{model.name} + {lora.name}" if lora else model.name)
        super().__init__(label, context or min(self._gguf.trained_context, MAX_CONTEXT), self._gguf.template)
        size = int(llama_cpp.llama_model_size(self._gguf.handle))
        chosen = (threads, Message("as asked")) if threads else choose_threads(size)
        self.settings = _described(chosen, layers)
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
        """Scale the adapter; the prefix cache, computed with another scale, is dropped."""
        if self._adapter is None:
            super().set_strength(strength)
        self._check_open()
        with self._busy:
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
        # A sliding-window cache could not be cropped to a common prefix.
        params.swa_full = True
        params.no_perf = True
        context = llama_cpp.llama_init_from_model(self._gguf.handle, params)
        if not context:
            raise ChatcloneError(
                "llama.cpp cannot allocate a context of {tokens} tokens: {reason}",
                "free some memory, or export with a smaller --quant",
                tokens=self.context,
                reason=last_error(),
            )
        return context

    def _set_adapter(self, lora: Path) -> None:
        adapter = llama_cpp.llama_adapter_lora_init(self._gguf.handle, str(lora).encode())
        if not adapter:
            raise ChatcloneError(
                "llama.cpp cannot apply {adapter} to {file}: {reason}",
                "export again: the adapter must come from the same base model",
                adapter=lora.name,
                file=self._gguf.path.name,
                reason=last_error(),
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
        # Called between the operations of the graph, so that Esc does not wait for the batch.
        abort = llama_cpp.ggml_abort_callback(lambda _data: cancelled())
        llama_cpp.llama_set_abort_callback(self._context, abort, None)
        try:
            return self._decode(batch)
        finally:
            llama_cpp.llama_set_abort_callback(self._context, llama_cpp.ggml_abort_callback(), None)

    def _decode(self, batch: Any) -> bool:
        """Compute a batch; False when it was aborted, and then nothing of it is cached."""
        result = llama_cpp.llama_decode(self._context, batch)
        if result == _ABORTED:
            llama_cpp.llama_memory_seq_rm(self._memory, 0, len(self._held), -1)
        elif result != 0:
            raise ChatcloneError(
                "llama.cpp failed with code {code}: {reason}", "free some memory", code=result, reason=last_error()
            )
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
    """A chain of llama.cpp's samplers in its own order: top-p, min-p, then the temperature."""

    def __init__(self, sampling: Sampling) -> None:
        self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        if sampling.temperature <= 0:
            samplers = [llama_cpp.llama_sampler_init_greedy()]
        else:
            most = llama_cpp.LLAMA_DEFAULT_SEED  # which stands for a random seed
            samplers = [
                llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1),
                llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1),
                llama_cpp.llama_sampler_init_temp(sampling.temperature),
                llama_cpp.llama_sampler_init_dist(most if sampling.seed is None else sampling.seed % most),
            ]
        for sampler in samplers:
            llama_cpp.llama_sampler_chain_add(self._chain, sampler)

    def __del__(self) -> None:
        llama_cpp.llama_sampler_free(self._chain)

    def choose(self, context: Any) -> int:
        """Return the token after those in the context."""
        return int(llama_cpp.llama_sampler_sample(self._chain, context, -1))


def _fitting_layers(model: Path, context: int) -> Choice:
    """Return how many layers the GPU computes; a model that does not fit at all is a ChatcloneError."""
    try:
        need = MemoryNeed.of(model)
    except (ChatcloneError, OSError):  # a missing or damaged file: loading it gives a better error
        return 0, Message("the size of its layers is unknown")
    layers = choose_gpu_layers(need, context)
    check_memory(model.name, need, context, layers[0])
    return layers


def _described(threads: Choice, layers: Choice) -> tuple[str, ...]:
    """Return the settings as text, each with its reason in parentheses."""
    device = {0: Message("on the CPU"), ALL_LAYERS: Message("on the GPU")}.get(
        layers[0], Message("{layers} layers on the GPU", layers=layers[0])
    )
    count = Message("1 thread") if threads[0] == 1 else Message("{count} threads", count=threads[0])
    return (
        Message("{setting} ({reason})", setting=device, reason=layers[1]),
        Message("{setting} ({reason})", setting=count, reason=threads[1]),
        Message("{tokens} prompt tokens at once (more is hardly faster and takes memory)", tokens=READ_BATCH),
    )
