"""A GGUF file opened with llama.cpp: its metadata, vocabulary and chat template.

Import it lazily: it imports llama_cpp. The messages of the C library go to the logger `chatclone.llama_cpp`.
"""

import ctypes
import functools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from chatclone.errors import ChatcloneError
from chatclone.gguf.header import check_magic
from chatclone.gguf.load_progress import Loading, LoadingCancelled, keep_loading
from chatclone.prompt.render import ChatTemplate, chosen_source
from chatclone.prompt.stop_markers import markers_of

logger = logging.getLogger("chatclone.llama_cpp")
logger.addHandler(logging.NullHandler())  # without a log its errors would be printed on the screen

_LEVELS = {1: logging.DEBUG, 2: logging.INFO, 3: logging.WARNING, 4: logging.ERROR}  # enum ggml_log_level; else debug
_errors: deque[str] = deque(maxlen=4)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]  # llama_cpp is untyped to us
def _log(level: int, text: bytes, _data: object) -> None:
    """Log a line of the C library; errors are also kept for the message when the call fails."""
    line = text.decode("utf-8", "replace").strip()
    if level == 4:
        _errors.append(line.rpartition("error: ")[2] or line)
    logger.log(_LEVELS.get(level, logging.DEBUG), "%s", line)


# llama.cpp has one log for the whole process; llama_cpp's own callback would print errors on the screen.
llama_cpp.llama_log_set(_log, ctypes.c_void_p(0))


class _ProgressCallback:
    """Passes the library's progress to `loading`; an exception is kept, since the C library cannot pass it on."""

    def __init__(self, loading: Loading) -> None:
        self._loading = loading
        self._cancelled = False
        self._error: BaseException | None = None
        self.callback = llama_cpp.llama_progress_callback(self._continue)

    def reraise(self, name: str) -> None:
        """Raise what `loading` raised, such as KeyboardInterrupt, or LoadingCancelled where it returned False."""
        if self._error is not None:
            raise self._error
        if self._cancelled:
            raise LoadingCancelled(name)

    def _continue(self, share: float, _data: object) -> bool:
        try:
            self._cancelled = not self._loading(share)
        except BaseException as error:
            self._error = error
            return False
        return not self._cancelled


class GgufModel:
    """A loaded GGUF model; with `vocab_only` only its metadata and vocabulary."""

    def __init__(
        self, path: Path, *, vocab_only: bool = False, gpu_layers: int = 0, loading: Loading = keep_loading
    ) -> None:
        check_magic(path)
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = vocab_only
        params.n_gpu_layers = gpu_layers
        progress = _ProgressCallback(loading)
        params.progress_callback = progress.callback
        _errors.clear()
        self.path = path
        self.handle = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self.handle:
            progress.reraise(path.name)
            raise ChatcloneError(
                "llama.cpp cannot load {file}: {reason}",
                "export the file again (chatclone export), or update llama-cpp-python if the model is newer",
                file=path.name,
                reason=last_error(),
            )
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.handle)
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self.vocabulary))
        self.trained_context = int(llama_cpp.llama_model_n_ctx_train(self.handle))

    def close(self) -> None:
        """Free the model."""
        if self.handle:
            llama_cpp.llama_model_free(self.handle)
            self.handle = None

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`; special tokens in it are recognized, none are added."""
        data = text.encode()
        ids = (llama_cpp.llama_token * (len(data) + 1))()
        count = llama_cpp.llama_tokenize(self.vocabulary, data, len(data), ids, len(ids), False, True)
        if count < 0:
            raise ChatcloneError(
                "llama.cpp cannot tokenize a text of {bytes} bytes", "send a shorter message", bytes=len(data)
            )
        return list(ids[:count])

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids` without special tokens.

        Token by token, since llama_detokenize removes spaces before punctuation with some vocabularies.
        """
        return b"".join(map(self._piece, ids)).decode("utf-8", "replace")

    @functools.cached_property
    def template(self) -> ChatTemplate:
        """The file's chat template, bound to the file's tokenizer."""
        own = llama_cpp.llama_model_chat_template(self.handle, None)
        source = chosen_source(own.decode() if own else None)
        special = self._special_tokens()
        ends = {i for i in special if llama_cpp.llama_vocab_is_eog(self.vocabulary, i)}
        return ChatTemplate(
            source=source,
            encode=self.encode,
            decode=self.decode,
            stop_ids=frozenset(ends),
            markers=markers_of(source, special.values()),
            variables={
                "bos_token": self._named_token(llama_cpp.llama_vocab_bos, "tokenizer.ggml.bos_token_id"),
                "eos_token": self._named_token(llama_cpp.llama_vocab_eos, "tokenizer.ggml.eos_token_id"),
            },
        )

    def metadata(self, key: str) -> str:
        """Return a value of the file's metadata, or an empty string."""
        buffer = ctypes.create_string_buffer(256)
        length = llama_cpp.llama_model_meta_val_str(self.handle, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if length >= 0 else ""

    def _special_tokens(self) -> dict[int, str]:
        wanted = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
        attribute = llama_cpp.llama_vocab_get_attr
        special = [i for i in range(self.vocabulary_size) if attribute(self.vocabulary, i) & wanted]
        return {i: llama_cpp.llama_vocab_get_text(self.vocabulary, i).decode("utf-8", "replace") for i in special}

    def _named_token(self, get: Callable[[Any], int], key: str) -> str:
        # Where the file names none, llama.cpp returns a default.
        if not self.metadata(key):
            return ""
        return str(llama_cpp.llama_vocab_get_text(self.vocabulary, get(self.vocabulary)).decode("utf-8", "replace"))

    @functools.cached_property
    def _piece(self) -> "functools._lru_cache_wrapper[bytes]":
        """Return the bytes of one token, empty for a special one; cached, since it is called for every token."""

        @functools.cache
        def piece(token: int) -> bytes:
            size = 64
            while True:
                buffer = ctypes.create_string_buffer(size)
                length = llama_cpp.llama_token_to_piece(self.vocabulary, token, buffer, size, 0, False)
                if length >= 0:
                    return buffer.raw[:length]
                size = -length

        return piece


def last_error() -> str:
    """Return the first of llama.cpp's last error lines, the one nearest to the cause."""
    return _errors[0] if _errors else "no reason given"
