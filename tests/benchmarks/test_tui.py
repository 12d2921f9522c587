"""The app's benchmark measures what happened: a paint that was made, a reply that was written, medians of rounds."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("pty", reason="a pty is Unix's")

from benchmarks.terminal import COLUMNS, ROWS, Terminal, cells, is_painted
from benchmarks.tui import BARS, STAGE, Programs, _medians, table

PAINTER = """
import os, sys, time
os.write(1, b"\\x1b[?1049h\\x1b[2J\\x1b]0;a title\\x07")
size = os.get_terminal_size()
os.write(1, (b"\\x1b[1;31m" + b"." * size.columns + b"\\x1b[0m\\r\\n") * size.lines + b"ready")
time.sleep(60)
"""


class TestTerminal:
    """What counts as painted."""

    def test_cells_are_what_is_seen(self) -> None:
        """Control sequences take none, letters of any script one each."""
        assert cells(b"\x1b[?1049h\x1b[38;2;1;2;3mab\x1b[0m\r\n\x1b]0;title\x07\x1b(B\x1bP+q\x1b\\c") == 3
        assert cells("мир…".encode()) == 4

    def test_half_a_screen_and_the_words(self) -> None:
        """A blank screen is painted too, where no words are asked for."""
        half = b" " * (COLUMNS * ROWS // 2)
        assert is_painted(half)
        assert not is_painted(half[1:])
        assert not is_painted(half, "words")
        assert is_painted(half + b"words", "words")

    def test_a_program_is_timed_and_weighed(self) -> None:
        """It has a terminal of the size that is said, and is ended though it sleeps."""
        with Terminal([sys.executable, "-c", PAINTER], {}) as terminal:
            assert 0 < terminal.first_paint("ready")
            assert cells(terminal.written) == COLUMNS * ROWS + len("ready")
            assert 1 < terminal.megabytes() < 100

    def test_one_that_paints_nothing_is_told(self) -> None:
        """With what it had written."""
        with Terminal([sys.executable, "-c", "print('no such thing')"], {}) as terminal:
            with pytest.raises(RuntimeError, match="no such thing"):
                terminal.first_paint()


class TestFigures:
    """From runs to a table."""

    @pytest.mark.parametrize("what", ["bare", "app"])
    def test_a_reply_of_known_length(self, tmp_path: Path, what: str) -> None:
        """The engine measures itself, with the app around it or not."""
        command = (sys.executable, STAGE, what, "0.005", "30", str(tmp_path / "figures.json"))
        with Terminal(command, {"TEXTUAL_ANIMATIONS": "none"}) as terminal:
            assert terminal.ended(60) == 0, terminal.written
        figures = json.loads((tmp_path / "figures.json").read_text())
        assert figures["seconds"] >= 30 * 0.005
        assert 0 < figures["cpu"] < 60

    def test_medians_leave_the_first_round_out(self) -> None:
        """And take each in its turn."""
        asked: list[str] = []
        values = iter([100.0, 1.0, 2.0, 9.0])

        def first() -> float:
            asked.append("first")
            return next(values)

        def second() -> float:
            asked.append("second")
            return 5.0

        assert _medians({"first": first, "second": second}, 3) == {"first": 2.0, "second": 5.0}
        assert asked == ["first", "second"] * 4

    def test_other_apps_have_homes_of_their_own(self, tmp_path: Path) -> None:
        """Nothing of the user's is read or written."""
        programs = Programs(tmp_path, {"other": sys.executable})
        assert programs.commands["other"] == (sys.executable,)
        assert {path.name for path in tmp_path.iterdir()} == {"welcome", "chat", "other"}

    def test_a_missed_bar_is_said(self) -> None:
        """In a word."""
        document = {
            "ours": {name: {"value": 1.0, "bar": bar, "ok": name != "--help"} for name, bar in BARS.items()},
            "first_paint": {"seconds": {"empty": 0.1, "chat": 0.2}},
            "megabytes": {"empty": 40.0, "chat": 60.0},
            "help_seconds": {"--help": 0.1},
            "streaming": {"alone": {"tokens_per_second": 196.0, "cpu": 0.02}},
        }
        text = table(document)
        assert text.count("MISSED") == 1
        assert next(line for line in text.splitlines() if "MISSED" in line).startswith("--help")
        assert "200 ms      2.00" in text
        assert "196.0 tokens/s" in text
