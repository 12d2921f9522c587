"""What every test has: memory that loads no model, unless a test brings its own; and how tests share processes."""

import gc
import os
from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # it brings no types

TOGETHER = {"engines": "models", "export": "models"}
"""Rooms whose tests share what is costly to make, so that one process runs them all; other files go one by one."""

os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # PEFT imports what imports torch's compiler: two seconds a process
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: threads of each would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class ByRoom(LoadFileScheduling):  # type: ignore[misc]
    """Gives a process all the tests of a file, or of rooms that go together."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER.get(PurePosixPath(file).parent.name, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByRoom:
    """Share the tests out by room."""
    return ByRoom(config, log)


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what lives as long as the tests: it would go through it for ever."""
    gc.freeze()


@pytest.fixture(autouse=True)
def no_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search by words alone; a test of search by meaning removes or replaces this."""
    monkeypatch.setenv("CHATCLONE_EMBEDDER", "none")
