"""The real program in a real terminal: tmux on a socket of its own, driven by keys and read as a person reads it."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]  # it brings no types

WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.05
ENVIRONMENT = {
    "CHATCLONE_EMBEDDER": "none",
    "LC_ALL": "C.UTF-8",
    "TEXTUAL_ANIMATIONS": "none",
    "TZ": "UTC",
}
TMUX = shutil.which("tmux")
KILLED = 128 + signal.SIGKILL
"""What a shell says of a program that was killed."""
_ENDED = re.compile(r"^ended (\d+)$", re.MULTILINE)


class Terminal:
    """One window of tmux; what runs in it is ended with it."""

    def __init__(self, home: Path, width: int = 100, height: int = 30) -> None:
        self._home = home
        self._size = f"{width}x{height}"
        # A socket's path has 107 characters at most, fewer than those of pytest's folders may have.
        self._folder = TemporaryDirectory(prefix="chatclone-tmux-")
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        subprocess.run(self._command("kill-server"), capture_output=True, check=False)
        self._folder.cleanup()

    def start(self, *arguments: str) -> int:
        """Run `chatclone` and return its process number."""
        self._started += 1  # a socket of its own for each: a server that was told to end takes its time
        program = shlex.join([sys.executable, "-m", "chatclone", "--home", str(self._home), *arguments])
        settings = [part for name, value in ENVIRONMENT.items() for part in ("-e", f"{name}={value}")]
        # After the program's end the window stays. The shell tells how it ended: tmux itself does not always know.
        remain = ["set-option", "-g", "remain-on-exit", "on", ";"]
        size = ["set-option", "-g", "default-size", self._size, ";"]
        # A program that was killed leaves its screen as it was, so that is cleared first; tmux scrolls by a line then.
        script = rf"{program}; printf '\033[?1049l\033[2J\033[3Hended %d\r\n' $?"
        self._tmux(*remain, *size, "new-session", "-d", *settings, "-c", os.getcwd(), "sh", "-c", script)
        shell = psutil.Process(int(self._tmux("display-message", "-p", "#{pane_pid}")))
        self.wait(shell.children)
        return int(shell.children()[0].pid)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self._tmux("send-keys", *keys)

    def write(self, text: str) -> None:
        """Type a text."""
        self._tmux("send-keys", "-l", text)

    def screen(self) -> str:
        """Return what stands on the screen."""
        return self._tmux("capture-pane", "-p")

    def until(self, *texts: str) -> str:
        """Wait until all texts stand on the screen, and return it."""
        self.wait(lambda: all(text in self.screen() for text in texts))
        return self.screen()

    def ended(self) -> int:
        """Wait until the program has ended, close its window and return its exit status, as a shell has it."""
        self.wait(lambda: _ENDED.search(self.screen()))
        found = _ENDED.search(self.screen())
        assert found is not None
        self._tmux("kill-server")
        return int(found.group(1))

    def wait(self, happened: Callable[[], object]) -> None:
        """Wait until something has happened; the number of looks is bounded, so that a test cannot hang."""
        for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
            if happened():
                return
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"it never happened; there is:\n{self.screen()}")

    def _command(self, *arguments: str) -> Sequence[str]:
        assert TMUX is not None
        return [TMUX, "-u", "-S", f"{self._folder.name}/{self._started}", "-f", os.devnull, *arguments]

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(self._command(*arguments), capture_output=True, text=True, check=True, encoding="utf-8")
        return done.stdout.rstrip("\n")
