"""The table of commands, the times and the safety of foreign text: what the screens are made from."""

import re
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.i18n.dates import day_title, short_day
from chatclone.safe_text import visible
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.commands.command_table import COMMANDS, find, is_command, keymap, spell_key, table, unescape
from chatclone.tui.screens.chat import ChatScreen
from tests.chatclone.tui.stage import NOW

HOUR, DAY = 3600, 86400
TAKEN = {"ctrl+i", "ctrl+m", "ctrl+h", "ctrl+j", "ctrl+s", "ctrl+b", "ctrl+z", "ctrl+c"}
"""Keys that terminals or tmux keep for themselves, or that are the same as Tab, Enter, Backspace."""


class TestCommands:
    """One table, no gaps."""

    def test_ids_slashes_and_keys_are_each_used_once(self) -> None:
        """Nothing hides something else."""
        assert len({c.id for c in COMMANDS}) == len(COMMANDS)
        for values in ([c.slash for c in COMMANDS if c.slash], [c.keys for c in COMMANDS if c.keys]):
            assert len(set(values)) == len(values)
        assert not TAKEN & {c.keys for c in COMMANDS}

    def test_every_action_exists(self) -> None:
        """A command does what it says, wherever it is listed."""
        for command in COMMANDS:
            where, _, action = command.action.partition(".")
            owner = {"app": ChatcloneApp, "screen": ChatScreen}[where]
            assert callable(getattr(owner, "action_" + re.sub(r"\(.*", "", action)))

    def test_every_key_is_bound_under_its_id(self) -> None:
        """So that it can be given another key in the settings."""
        bound = {b.id for b in [*ChatcloneApp.BINDINGS, *ChatScreen.BINDINGS] if not isinstance(b, tuple)}
        assert bound == {c.id for c in COMMANDS}

    def test_keys_are_given_by_id(self) -> None:
        """Also to commands that have none; a key may be taken from a command that gets another one."""
        assert keymap({"pin": "f5", "stop": "ctrl+k"}, "c") == {"pin": "f5", "stop": "ctrl+k"}
        assert keymap({"pin": "f2", "memory": "f5"}, "c") == {"pin": "f2", "memory": "f5"}

    @pytest.mark.parametrize(
        ("keys", "message", "hint"),
        [
            ({"regenrate": "f5"}, "no command 'regenrate'", "the nearest is 'regenerate'"),
            ({"pin": 5}, "pin must be a key, not 5", "pin = 'ctrl+x'"),
            ({"pin": "f2"}, "f2 is given to", "another key"),
        ],
    )
    def test_wrong_keys_are_said_with_what_to_do(self, keys: dict[str, object], message: str, hint: str) -> None:
        """Before the app begins."""
        with pytest.raises(ChatcloneError) as caught:
            keymap(keys, "config.toml")
        assert message in caught.value.message
        assert hint in caught.value.hint

    def test_the_docs_hold_the_table(self) -> None:
        """`python -m chatclone.tui.commands.command_table` prints it."""
        docs = Path(__file__).parents[4] / "docs" / "terminal.md"
        assert table() in docs.read_text("utf-8")

    def test_a_line_names_a_command_and_its_argument(self) -> None:
        """Case does not matter; what is unknown is None."""
        command, argument = find("/Rename  my cat ")
        assert command is not None
        assert (command.id, argument) == ("rename", "my cat")
        assert find("/nothing")[0] is None

    @pytest.mark.parametrize(
        ("line", "expected"),
        [("/new", True), ("//new", False), ("/ new", False), ("/", False), ("a /new", False), ("/new\nshoes", False)],
    )
    def test_what_counts_as_a_command(self, line: str, expected: bool) -> None:
        """One slash and a word, on one line."""
        assert is_command(line) is expected

    def test_two_slashes_mean_one(self) -> None:
        """Only at the beginning."""
        assert unescape("//a//b") == "/a//b"
        assert unescape("a//b") == "a//b"

    def test_keys_are_spelled_as_people_write_them(self) -> None:
        """For hints and help."""
        assert [spell_key(k) for k in ("ctrl+r", "f1", "escape", "alt+left", "pageup")] == [
            "Ctrl+R",
            "F1",
            "Esc",
            "Alt+←",
            "PageUp",
        ]


class TestDays:
    """Times as a messenger writes them."""

    @pytest.mark.parametrize(
        ("age", "title", "short"),
        [
            (HOUR, "Today", "09:30"),
            (11 * HOUR, "Yesterday", "Fri"),
            (3 * DAY, "Wednesday 18 November", "Wed"),
            (40 * DAY, "Monday 12 October", "12 Oct"),
            (400 * DAY, "Friday 17 October 2025", "2025-10-17"),
        ],
    )
    def test_a_day_has_its_name(self, age: int, title: str, short: str) -> None:
        """The further back, the fuller."""
        assert day_title(NOW - age, NOW) == title
        assert short_day(NOW - age, NOW) == short

    def test_a_clock_that_was_set_back_breaks_nothing(self) -> None:
        """A message from tomorrow has a date."""
        assert day_title(NOW + DAY, NOW) == "Sunday 22 November"
        assert short_day(NOW + DAY, NOW) == "22 Nov"


class TestVisible:
    """Foreign text cannot steer what is around it."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a\x1b[2Jb", "a␛[2Jb"),
            ("\x00\x07\x7f\x9b", "␀␇␡\ufffd"),
            ("a\r\nb\rc\td", "a\nb\nc    d"),
            ("\u202eabc\u2069\u200f", "abc"),
            ("a\udc80b", "a\ufffdb"),
            ("👩‍👩‍👧 שלום 안녕", "👩‍👩‍👧 שלום 안녕"),
        ],
    )
    def test_signs_stand_for_controls(self, text: str, expected: str) -> None:
        """Letters of all scripts and joined emoji stay as they are."""
        assert visible(text) == expected
