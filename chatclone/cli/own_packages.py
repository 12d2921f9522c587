"""Whether `importers` and `memory` are chatclone's own packages, and not another distribution's of the same name."""

from importlib import import_module
from pathlib import Path

import chatclone
from chatclone.errors import ChatcloneError

PACKAGES = ("importers", "memory")
"""Installed at the top level beside `chatclone`; each names `chatclone` in its `PART_OF`."""


def require_own_packages() -> None:
    """Raise a ChatcloneError where another package stands in the place of one of ours."""
    root = Path(chatclone.__file__).parents[1]
    for name in PACKAGES:
        package = import_module(name)
        found = Path(package.__file__ or "").parent
        if getattr(package, "PART_OF", None) != "chatclone" or found != root / name:
            raise ChatcloneError(
                "another package named {name} is in the place of chatclone's own: {found}",
                "install chatclone in an environment of its own: pipx install chatclone, or uv tool install chatclone",
                name=name,
                found=found,
            )
