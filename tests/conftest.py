"""What every test has: memory that loads no model, unless a test brings one of its own."""

import pytest


@pytest.fixture(autouse=True)
def no_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search by words alone; a test of search by meaning removes or replaces this."""
    monkeypatch.setenv("CHATCLONE_EMBEDDER", "none")
