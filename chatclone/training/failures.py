"""What ends a run from outside, told as an error a person can act on: no memory, no disk, a base that is gone."""

import errno
import shutil
from pathlib import Path

from chatclone.errors import ChatcloneError
from chatclone.training.events import CHECKPOINTS
from chatclone.training.plan import Plan

FULL_BYTES = 5_000_000
"""With less than this free, writing has failed for want of space whatever the error says."""
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
_NO_SPACE = ("No space left on device", "os error 28", "disk is full")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, of a GPU or of the computer."""
    if isinstance(error, MemoryError):
        return True
    # torch.OutOfMemoryError is a RuntimeError; the CPU's allocator raises a plain one.
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)


def explained(error: BaseException, plan: Plan) -> ChatcloneError | None:
    """Return what a person can do about an error, or None for a bug, which keeps its traceback."""
    if is_out_of_memory(error):
        return out_of_memory(plan)
    if is_disk_full(error, Path(plan.folder)):
        return disk_full(Path(plan.folder))
    if not (Path(plan.base_folder) / "config.json").is_file():
        return lost_base(plan)
    return None


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Return whether writing below `folder` failed for want of space."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if any(text in str(error) for text in _NO_SPACE):  # safetensors and torch have errors of their own
        return True
    return folder.exists() and shutil.disk_usage(folder).free < FULL_BYTES


def out_of_memory(plan: Plan) -> ChatcloneError:
    """Return the error for a run that does not fit, with what takes less."""
    s = plan.settings
    ways = []
    if s.get("checkpointing") == "off":
        ways.append("--set checkpointing=on")
    if isinstance(s.get("max_length"), int) and s["max_length"] > 256:
        ways.append(f"--set max_length={s['max_length'] // 2}")
    if s.get("quantisation") in ("none", "8-bit"):
        ways.append("--set quantisation=4-bit")
    ways.append("a smaller base")
    if _has_checkpoint(Path(plan.folder)):
        ways.append("chatclone train --resume where other programs took the memory: the last checkpoint is whole")
    return ChatcloneError(f"memory ran out while training on {plan.base}", ", or ".join(ways))


def disk_full(folder: Path) -> ChatcloneError:
    """Return the error for a run that could not write."""
    if not _has_checkpoint(folder):
        return ChatcloneError(
            f"the disk is full: nothing more can be written to {folder}", "free some space, then chatclone train"
        )
    return ChatcloneError(
        f"the disk is full, and a checkpoint could not be written to {folder}; the one before it is whole",
        "free some space, then chatclone train --resume",
    )


def lost_base(plan: Plan) -> ChatcloneError:
    """Return the error for a base whose folder is gone."""
    return ChatcloneError(
        f"the base {plan.base} is no longer in {plan.base_folder}",
        "put it back, then chatclone train --resume; or train on another base",
    )


def _has_checkpoint(folder: Path) -> bool:
    return any((folder / CHECKPOINTS).glob("checkpoint-*"))
