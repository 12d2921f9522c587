"""Copying where there may be no clipboard: the terminal's own (OSC 52), a program of the desktop's, or a file.

The app has sent the text to the terminal already; nothing says whether it took it, so what is known of terminals
decides.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from chatclone.i18n.translate import tr
from chatclone.paths import ensure
from chatclone.storage.atomic_files import write_atomically

FILE = "copied.txt"
"""Its name in the persona's folder."""
MOST_BYTES = 74_994
"""xterm and others take 100,000 bytes of base64 for OSC 52; what is longer may be cut or dropped."""
_PROGRAMS = (
    ("pbcopy", "", ("pbcopy",)),
    ("wl-copy", "WAYLAND_DISPLAY", ("wl-copy",)),
    ("xclip", "DISPLAY", ("xclip", "-selection", "clipboard")),
)
"""A program, what must be set for it to work, and how it is called."""
_SECONDS = 5


def takes_osc52(text: str, environ: Mapping[str, str]) -> bool:
    """Return whether the terminal is likely to put `text` into the clipboard."""
    unable = environ.get("TERM_PROGRAM") == "Apple_Terminal" or environ.get("TERM", "") in ("linux", "dumb")
    return not unable and len(text.encode("utf-8", "replace")) <= MOST_BYTES


def copied(text: str, folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """See that `text` is where a person can take it from, and return where in words."""
    if takes_osc52(text, environ):
        return tr("Copied.")
    for program, variable, command in _PROGRAMS:
        if shutil.which(program, path=environ.get("PATH")) and (not variable or environ.get(variable)):
            try:
                subprocess.run(command, input=text.encode("utf-8", "replace"), check=True, timeout=_SECONDS)
            except (OSError, subprocess.SubprocessError):
                continue
            return tr("Copied.")
    path = ensure(folder) / FILE
    write_atomically(path, text)
    return tr("This terminal has no clipboard for it; it lies in {path}", path=path)
