"""What ends a run from outside, as an error the user can act on: memory, disk space, a base that is gone."""

import errno
import shutil
from pathlib import Path

from chatclone.errors import ChatcloneError
from chatclone.training.events import CHECKPOINTS
from chatclone.training.plan import Plan
from chatclone.training.setting_bounds import AUTO

FULL_BYTES = 5_000_000
"""With less than this free, a failed write is taken for a full disk whatever the error says."""
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
_NO_SPACE = ("No space left on device", "os error 28", "disk is full")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, of a GPU or of the computer."""
    if isinstance(error, MemoryError):
        return True
    # torch.OutOfMemoryError is a RuntimeError; the CPU's allocator raises a plain one.
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)


def explain(error: BaseException, plan: Plan) -> ChatcloneError | None:
    """Return what the user can do about an error, or None for a bug, which keeps its traceback."""
    if isinstance(error, ChatcloneError):
        return error
    if is_out_of_memory(error):
        return out_of_memory(plan)
    if _is_disk_full(error, Path(plan.folder)):
        return disk_full(Path(plan.folder))
    if not (Path(plan.base_folder) / "config.json").is_file():
        return missing_base(plan)
    return None


def _is_disk_full(error: BaseException, folder: Path) -> bool:
    """Return whether writing below `folder` failed for lack of space."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if any(text in str(error) for text in _NO_SPACE):  # safetensors and torch have errors of their own
        return True
    return folder.exists() and shutil.disk_usage(folder).free < FULL_BYTES


def out_of_memory(plan: Plan) -> ChatcloneError:
    """Return the error for a run that does not fit, with what needs less memory."""
    s = plan.settings
    half = s.max_length // 2 if s.max_length != AUTO else 0
    hints = []
    if s.checkpointing == "off":
        hints.append("--set checkpointing=on")
    if half >= 128:
        hints.append("--set max_length={half}")
    if s.quantisation in ("none", "8-bit"):
        hints.append("--set quantisation=4-bit")
    hints.append("a smaller base")
    if _has_checkpoint(Path(plan.folder)):
        hints.append("chatclone train --resume if other programs took the memory: the last checkpoint is intact")
    return ChatcloneError("memory ran out while training on {base}", ", or ".join(hints), base=plan.base, half=half)


def disk_full(folder: Path) -> ChatcloneError:
    """Return the error for a run that could not write."""
    if not _has_checkpoint(folder):
        hint = "free some space, then chatclone train"
        return ChatcloneError("the disk is full: nothing more can be written to {folder}", hint, folder=folder)
    return ChatcloneError(
        "the disk is full: a checkpoint could not be written to {folder}, the previous one is intact",
        "free some space, then chatclone train --resume",
        folder=folder,
    )


def missing_base(plan: Plan) -> ChatcloneError:
    """Return the error for a base whose folder is gone."""
    return ChatcloneError(
        "the base {base} is no longer in {folder}",
        "put it back, then chatclone train --resume; or train on another base",
        base=plan.base,
        folder=plan.base_folder,
    )


def _has_checkpoint(folder: Path) -> bool:
    return any((folder / CHECKPOINTS).glob("checkpoint-*"))
