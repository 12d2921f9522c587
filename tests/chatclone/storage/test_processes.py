"""Only a process that runs the named module is killed."""

import subprocess
import sys

from chatclone.storage.processes import kill_module


def test_ours_and_others() -> None:
    """The module's process ends; one that runs something else stays, and an id that nobody has does nothing."""
    ours = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "0"], stderr=subprocess.DEVNULL
    )
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert not kill_module(other.pid, "http.server")
        assert other.poll() is None
        assert kill_module(ours.pid, "http.server")
        assert ours.wait(10) != 0
        assert not kill_module(ours.pid, "http.server")
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
