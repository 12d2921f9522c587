"""The picture for the README is one of the running app."""

from pathlib import Path

from chatclone.personas.persona import Persona
from chatclone.tui.screenshot import save_picture
from tests.chatclone.tui.stage import CAT, NOW, store_in
from tests.fakes import FakeEngine, fake_clone


def test_it_shows_the_messages_their_replies_and_the_memory(tmp_path: Path) -> None:
    """All of them are whole."""
    store = store_in(tmp_path)
    clone = fake_clone(FakeEngine(("purring\n", "always"), ("yesterday",)), CAT)
    picture = tmp_path / "app.svg"
    save_picture(
        Persona(tmp_path, "Mira"),
        lambda: (clone, ""),
        store,
        ["cat?", "when?"],
        picture,
        clock=lambda: NOW,
    )
    store.close()
    svg = picture.read_text("utf-8")
    assert svg.startswith("<svg")
    assert all(word in svg for word in ("purring", "always", "yesterday", "adopted", "awake"))
