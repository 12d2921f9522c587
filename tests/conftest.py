"""What every test has: memory that loads no model, unless a test brings one of its own."""

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: threads of each would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def no_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search by words alone; a test of search by meaning removes or replaces this."""
    monkeypatch.setenv("CHATCLONE_EMBEDDER", "none")
