"""Writing a message in an editor of the person's own."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr

DEFAULT_EDITOR = "notepad" if os.name == "nt" else "vi"


def edited(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Let a person change `text` in $VISUAL or $EDITOR and return what it is then; the file in between is removed."""
    command = shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or DEFAULT_EDITOR)
    with tempfile.TemporaryDirectory(prefix="chatclone-") as folder:  # readable by this user only
        path = Path(folder) / "message.txt"
        path.write_text(text, "utf-8")
        try:
            code = subprocess.run([*command, str(path)], check=False).returncode
        except OSError as error:
            what = tr("{program} could not be started: {why}", program=command[0], why=error.strerror)
            raise ChatcloneError(what, tr("set $EDITOR")) from error
        if code:
            what = tr("{program} ended with {code}", program=command[0], code=code)
            raise ChatcloneError(what, tr("what was written before is still there"))
        return path.read_text("utf-8", "replace").rstrip("\n")
