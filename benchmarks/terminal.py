"""A program in a terminal of its own (a pty), as a benchmark wants it: when it has painted, what it holds."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

COLUMNS, ROWS = 100, 30
WAIT_SECONDS = 30.0
NOT_ITS_OWN = ("NO_COLOR", "COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE")
"""What our own surroundings must not say of a program's: its screen, and that Python compiles it at every start."""
PAINTED_SHARE = 0.5
"""Of all cells, what must have been written for a screen to count as painted; Textual writes blanks too."""
_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI
    rb"|[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS, APC, PM, SOS
    rb"|[ -/]*[0-~])"  # the rest
)


def cells(written: bytes) -> int:
    """Return how many cells the bytes that a program has written take, its control sequences left out."""
    return len(re.sub(r"[\x00-\x1f\x7f]", "", _SEQUENCE.sub(b"", written).decode("utf-8", "replace")))


def is_painted(written: bytes, words: str = "") -> bool:
    """Return whether at least half of the screen was written, and `words` with it."""
    return words.encode() in written and cells(written) >= PAINTED_SHARE * COLUMNS * ROWS


class Terminal:
    """Runs one program in a pty and kills it at the end."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        surroundings = {
            **{name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN},
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LC_ALL": "C.UTF-8",
            **environment,
        }
        self.written = b""
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=surroundings, start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    def first_paint(self, words: str = "") -> float:
        """Return the seconds from the start until the first screen was painted, with `words` on it."""
        while not is_painted(self.written, words):
            if not self._read(self._started + WAIT_SECONDS - time.perf_counter()):
                raise RuntimeError(f"nothing was painted; it wrote: {self.written[-500:]!r}")
        return time.perf_counter() - self._started

    def idle(self, seconds: float) -> None:
        """Let it run for a while, reading what it writes."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0 and self._process.poll() is None:
            self._read(left)

    def ended(self, seconds: float) -> int:
        """Read what it writes until it ends, and return its exit status."""
        end = time.perf_counter() + seconds
        while self._process.poll() is None:
            if time.perf_counter() > end:
                raise RuntimeError(f"it did not end; it wrote: {self.written[-500:]!r}")
            self._read(0.1)
        return self._process.returncode

    def megabytes(self) -> float:
        """Return the memory it holds (resident set), its children's included."""
        import psutil  # type: ignore[import-untyped]  # it brings no types

        process = psutil.Process(self._process.pid)
        held: int = sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])
        return held / 1e6

    def _read(self, seconds: float) -> bool:
        """Read once; False where nothing came, or never will."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        try:
            more = os.read(self._master, 1 << 16) if ready else b""
        except OSError:  # Linux says so where the other side is closed
            more = b""
        self.written += more
        return bool(more)
