"""The table of features in docs/terminal.md names tests that exist; and the app without any colour."""

import ast
import re
from pathlib import Path

import pytest

from chatclone.conversations import ChatStore
from tests.chatclone.tui.stage import app_with, awake, quiet, send
from tests.fakes import FakeEngine

DOCS = Path(__file__).parents[3] / "docs" / "terminal.md"
TESTS = Path(__file__).parents[1]
NAMED = re.compile(r"`([\w/]+\.py::[\w:]+)`")
SECTION = DOCS.read_text("utf-8").partition("## Beside other chats in the terminal")[2]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in SECTION.splitlines() if line[:1] == "|"][2:]
FEATURES = 26
"""Rows of the table in the reference that this one follows."""


def holds(path: Path, names: list[str]) -> bool:
    """Return whether a file of tests has this class or function, one name within the other."""
    body: list[ast.stmt] = ast.parse(path.read_text("utf-8")).body
    for name in names:
        found = [
            n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and n.name == name
        ]
        if not found:
            return False
        body = found[0].body
    return True


@pytest.mark.parametrize("named", sorted(set(NAMED.findall(SECTION))))
def test_a_named_test_exists(named: str) -> None:
    """It can be run as it stands there."""
    path, *names = named.split("::")
    assert holds(TESTS / path, names)


def test_every_feature_we_have_is_proved() -> None:
    """Each of our cells says yes, partly or no, or names what it is, and proves what it claims."""
    assert len(ROWS) == FEATURES
    for feature, *others, ours in ROWS:
        assert len(others) == 3, feature
        assert ours == "–" or NAMED.search(ours), feature


async def test_without_colour(store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR nothing but grey is drawn, and what the clone wrote is marked by words."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with app_with(FakeEngine(("hey",)), store).run_test() as pilot:
        await awake(pilot)
        await send(pilot, "hi")
        await quiet(pilot)
        segments = [segment for strip in pilot.app.screen._compositor.render_strips() for segment in strip]
        assert segments
        for segment in segments:
            for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                red, green, blue = colour.get_truecolor() if colour else (0, 0, 0)
                assert red == green == blue
        assert "clone" in "".join(segment.text for segment in segments)
