"""The plain chat: lines in, lines out, on the same clone and store as the app."""

import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatclone.conversations import ChatStore, Settings
from chatclone.engines.protocol import Cancelled, EngineEvent, Piece, Sampling
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import Prompt
from chatclone.repl.loaded_model import Loaded
from chatclone.repl.plain_chat import run_plain
from chatclone.tui.commands.command_table import COMMANDS
from chatclone.tui.services.model_choices import Models, key_of
from chatclone.tui.services.open_personas import Opened
from memory.search.recall import Hit
from tests.chatclone.tui.pages import Rooms, loaded, persona_in
from tests.chatclone.tui.services.test_model_choices import file
from tests.fakes import FakeEngine, fake_clone

HOME = Path("no-home")
HIT = Hit(7, 1_700_000_000, "Mira", "2023-11-14 Mira: a cat!!\n2023-11-14 Anna: omg", 0.5, "Anna")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = ChatStore.open(tmp_path / "chats.sqlite")
    yield opened
    opened.close()


class Terminal(io.StringIO):
    """Lines that a person types."""

    def isatty(self) -> bool:
        """Say that somebody is there."""
        return True


def talking(engine: FakeEngine, *hits: Hit) -> Loaded:
    """Return a clone that writes with `engine`, and no other model to load."""
    clone = fake_clone(engine, *hits)
    return Loaded(lambda: (clone, ""), Models(clone.persona, HOME, Opened(), Rooms().open_model))


def chat(store: ChatStore, engine: FakeEngine, typed: str, *hits: Hit) -> tuple[int, list[str]]:
    """Run the plain chat on these lines and return its exit code and what it printed."""
    output = io.StringIO()
    code = run_plain(talking(engine, *hits), store, io.StringIO(typed), output, HOME)
    return code, output.getvalue().splitlines()


class TestTalking:
    """A message a line, a bubble a line."""

    def test_a_bubble_is_a_line_that_says_it_is_the_clones(self, store: ChatStore) -> None:
        """Bubbles are printed when they are whole, however the engine cuts them."""
        engine = FakeEngine(("he", "y\nyo", "u"))
        assert chat(store, engine, "hi\n") == (0, ["Mira (clone): hey", "Mira (clone): you"])

    def test_everything_is_saved_as_one_conversation(self, store: ChatStore) -> None:
        """The app will show it."""
        chat(store, FakeEngine(("one",), ("two",)), "hi\n\nagain\n")
        (conversation,) = store.conversations()
        assert [m.text for m in store.messages(conversation.id)] == ["hi", "one", "again", "two"]
        assert conversation.unread == 0
        assert conversation.partner == "Anna"

    def test_two_slashes_begin_a_message_with_one(self, store: ChatStore) -> None:
        """A message may look like a command."""
        engine = FakeEngine()
        chat(store, engine, "//new shoes\n")
        assert engine.prompts[0].messages[-1].content == "/new shoes"

    def test_escape_sequences_are_shown_and_not_obeyed(self, store: ChatStore) -> None:
        """A reply cannot steer the terminal."""
        _, lines = chat(store, FakeEngine(("\x1b[31mred [bold]x[/bold]",)), "hi\n")
        assert lines == ["Mira (clone): ␛[31mred [bold]x[/bold]"]

    def test_a_terminal_is_greeted_and_prompted(self, store: ChatStore) -> None:
        """A person sees where to write; a pipe sees replies only."""
        output = io.StringIO()
        assert run_plain(talking(FakeEngine(("yo",))), store, Terminal("hi\n"), output, HOME) == 0
        assert output.getvalue().startswith("This is a clone of Mira.")
        assert output.getvalue().endswith("you: Mira (clone): yo\nyou: \n")


class TestCommands:
    """The slash commands of the app."""

    def test_help_names_the_commands_that_work_here(self, store: ChatStore) -> None:
        """It is made from the table."""
        _, lines = chat(store, FakeEngine(), "/help\n")
        named = [line.split()[0] for line in lines[:-1]]
        assert named == [f"/{command.slash}" for command in COMMANDS if command.plain]
        assert {"/new", "/edit", "/continue", "/undo", "/search", "/partner", "/help", "/quit"} <= set(named)

    def test_strength(self, store: ChatStore) -> None:
        """A number is applied to the adapter; anything else says what is wanted."""
        engine = FakeEngine()
        _, printed = chat(store, engine, "/strength 0,8\n/strength lots\n")
        assert engine.strength == 0.8
        assert printed == [
            "The adapter is applied at 0.8.",
            "error: strength is a number from 0 to 2, not 'lots'",
            "try: /set strength 0.8",
        ]

    def test_delete_asks_first(self, store: ChatStore) -> None:
        """Anything but a clear yes keeps it; what is deleted comes back."""
        engine = FakeEngine(("hey",))
        _, lines = chat(store, engine, "/delete\nhi\n/delete\nno\n/delete\nyes\n/chats\n/undo\n")
        asked = "Delete “hi”? /undo brings it back, for a week."
        assert lines[:2] == ["error: this conversation has not begun", "try: write a message"]
        assert lines[3:7] == [asked, "Kept.", asked, "Deleted; /undo brings it back, for a week."]
        assert lines[7:] == ["/chats NUMBER goes to one.", "you: hi", "Mira (clone): hey"]

    def test_compare_keeps_the_side_that_is_chosen(self, store: ChatStore) -> None:
        """Without the adapter and with it, to the same question; with none chosen what was there stays."""
        engine = FakeEngine(("hey",), ("good day",), ("yo",), ("good evening",), ("sup",))
        _, lines = chat(store, engine, "/compare\nhi\n/compare\n2\n/compare\n\n")
        sides = ["1 · without the adapter", "2 · with the adapter"]
        ask = "1 or 2 keeps that one, anything else what was there."
        kept = ["you: hi", "Mira (clone): yo"]
        assert lines[:2] == ["error: there is no message yet", "try: write one"]
        assert lines[3:8] == [sides[0], "Mira (clone): good day", sides[1], "Mira (clone): yo", ask]
        assert lines[8:10] == kept
        assert lines[10:] == [sides[0], "Mira (clone): good evening", sides[1], "Mira (clone): sup", ask, *kept]
        (question, shown) = store.messages(store.conversations()[0].id)
        assert (question.text, shown.text, len(store.siblings(shown))) == ("hi", "yo", 2)

    def test_settings_and_unread(self, store: ChatStore) -> None:
        """What /set without a name lists; and a reply that is to be read again."""
        _, lines = chat(store, FakeEngine(("hey",)), "/settings\nhi\n/unread\n/chats\n")
        assert lines[2].split() == ["adapter", "on"]
        assert lines[-3] == "Marked as not read."
        assert "(1 new, " in lines[-2]

    def test_memory_cites_what_the_reply_was_given(self, store: ChatStore) -> None:
        """With day, people, chat and score."""
        _, lines = chat(store, FakeEngine(("hm",)), "/memory\ncat?\n/memory\n", HIT)
        assert lines == [
            "There is no reply yet.",
            "Mira (clone): hm",
            "[1] 2023-11-14 · Mira · Anna · 0.50",
            "    2023-11-14 Mira: a cat!!",
            "    2023-11-14 Anna: omg",
        ]

    def test_regen_writes_a_second_version(self, store: ChatStore) -> None:
        """Under the same question, with another seed."""
        engine = FakeEngine(("one",), ("two",))
        chat(store, engine, "/regen\nhi\n/regen\n")
        messages = store.messages(store.conversations()[0].id)
        assert [m.text for m in messages] == ["hi", "two"]
        assert len(store.siblings(messages[-1])) == 2
        assert engine.samplings[1].seed is not None

    def test_new_begins_another_conversation(self, store: ChatStore) -> None:
        """The clone does not know the first one any more."""
        engine = FakeEngine()
        chat(store, engine, "hi\n/new\nhello\n")
        assert len(store.conversations()) == 2
        assert [m.content for m in engine.prompts[1].messages[1:]] == ["hello"]

    def test_edit_versions_and_undo(self, store: ChatStore) -> None:
        """A message sent anew stands beside the old one; what is deleted comes back."""
        engine = FakeEngine(("one",), ("two",))
        _, lines = chat(store, engine, "hi\n/edit hello\n/older\n/newer\n/unsend\n/undo\n")
        assert lines == [
            "Mira (clone): one",
            "Mira (clone): two",
            *("version 1 of 2", "you: hi", "Mira (clone): one"),
            *("version 2 of 2", "you: hello", "Mira (clone): two"),
            *("Deleted; /undo brings it back, for a week.", "you: hello"),
            *("you: hello", "Mira (clone): two"),
        ]

    def test_continue_goes_on_where_it_was_cut(self, store: ChatStore) -> None:
        """Only what is new is printed, from the bubble that was not whole."""
        engine = InterruptedEngine(("he", "y"), ("llo",))
        _, lines = chat(store, engine, "hi\n/continue\n/continue\n")
        assert lines[:3] == ["Mira (clone): he", "(stopped)", "Mira (clone): hello"]
        assert lines[3:] == ["error: this reply was not cut off", "try: have it written again instead"]

    def test_partner_set_search_pin_save_and_load(self, store: ChatStore, tmp_path: Path) -> None:
        """The conversation keeps how it is held; a file brings it back once."""
        file = tmp_path / "a.json"
        typed = f"/partner Mum\n/set temperature 0.5\n/set min_p x\nhi\n/search h\n/pin\n/save {file}\n/load {file}\n"
        _, lines = chat(store, FakeEngine(("hey",)), typed)
        (conversation,) = store.conversations()
        assert (conversation.partner, conversation.pinned) == ("Mum", True)
        assert conversation.settings.sampling is not None
        assert conversation.settings.sampling.temperature == 0.5
        assert any("hey (clone, hi)" in line for line in lines)
        assert "error: min_p is a number from 0 to 1, not 'x'" in lines
        assert lines[-1] == "0 added, 1 was here already"

    def test_quit_ends_before_the_rest(self, store: ChatStore) -> None:
        """What follows is not read."""
        engine = FakeEngine()
        assert chat(store, engine, "/quit\nhi\n") == (0, [])
        assert not engine.prompts

    def test_an_unknown_command_is_no_message(self, store: ChatStore) -> None:
        """A typing error is not sent to the model, nor is a command of the app alone."""
        engine = FakeEngine()
        code, lines = chat(store, engine, "/hlep\n/palette\n")
        assert code == 0
        assert all("/help lists what there is" in line for line in lines)
        assert not engine.prompts


class TestModels:
    """What answers: any model of the persona, loaded in the place of the one before."""

    def talk(self, store: ChatStore, home: Path, typed: str) -> tuple[int, Rooms, list[str]]:
        """Run the plain chat on a persona that has one GGUF file."""
        rooms, persona, output = Rooms(), persona_in(home), io.StringIO()
        file(persona.models_folder / "fine.gguf")
        code = run_plain(loaded(rooms, persona, home), store, io.StringIO(typed), output, home)
        return code, rooms, output.getvalue().splitlines()

    def test_a_model_is_chosen_by_name_or_number(self, store: ChatStore, tmp_path: Path) -> None:
        """It answers at once, and it is the conversation's from then on."""
        typed = "/model\n/model 3\nwho are you\n/set model auto\nand now\n/model 7\n"
        _, rooms, lines = self.talk(store, tmp_path, typed)
        assert lines[0].startswith("    1  as started (") and lines[0].endswith(", it answers now)")
        assert lines[2:4] == ["    3  gguf, fine.gguf (1.5 MB · 21 Nov 2026)", "/model NUMBER chooses one."]
        assert lines[4:6] == ["waking up Mira…", "fake, fake-model answers in this conversation."]
        assert [line for line in lines if "(clone)" in line] == [
            "Mira (clone): I am models/fine.gguf",
            "Mira (clone): ok",
        ]
        assert lines[-2:] == ["error: there is no model 7", "try: /model lists what there is"]
        assert rooms.models == [("gguf", "models/fine.gguf")]
        assert len(rooms.opened) == 2
        assert rooms.clones[0].engine.closed  # type: ignore[attr-defined]

    def test_a_conversation_has_its_model_loaded_when_it_asks(self, store: ChatStore, tmp_path: Path) -> None:
        """As it was chosen in the app."""
        chosen = store.create("hi", settings=Settings(engine="gguf", model="models/fine.gguf"))
        store.add(chosen.id, "user", "hi")
        _, rooms, lines = self.talk(store, tmp_path, f"/chats {chosen.id}\n/chats\nhey\n")
        assert lines[-2:] == ["waking up Mira…", "Mira (clone): I am models/fine.gguf"]
        assert rooms.models == [("gguf", "models/fine.gguf")]

    def test_one_that_cannot_be_loaded_changes_nothing(self, store: ChatStore, tmp_path: Path) -> None:
        """What was there goes on, and the conversation keeps what it had."""
        code, rooms, lines = self.talk(store, tmp_path, "hi\n/set model gguf gone\nstill there?\n")
        assert lines[1:] == ["waking up Mira…", "error: the model is gone", "try: choose another", "Mira (clone): ok"]
        assert (code, len(rooms.opened)) == (0, 2)
        assert key_of(store.conversations()[0].settings) == ("auto", "")

    def test_a_question_whose_model_is_gone_is_not_answered_by_another(self, store: ChatStore, tmp_path: Path) -> None:
        """The question stays, and an answer is never said to be one model's that is another's."""
        chosen = store.create("hi", settings=Settings(engine="gguf", model="gone"))
        store.add(chosen.id, "user", "hi")
        code, _, lines = self.talk(store, tmp_path, f"/chats {chosen.id}\nhey\n")
        assert (code, lines[-1]) == (1, "try: choose another")
        assert [m.text for m in store.messages(chosen.id)] == ["hi", "hey"]


class TestTrouble:
    """What goes wrong is said, and the chat goes on."""

    def test_a_failure_prints_what_and_what_next(self, store: ChatStore) -> None:
        """The next message is answered; the exit code tells a script."""
        engine = FakeEngine(("he", ChatcloneError("no memory left", "use a smaller model")), ("fine",))
        code, lines = chat(store, engine, "hi\nand now?\n")
        assert code == 1
        assert lines == ["Mira (clone): he", "error: no memory left", "try: use a smaller model", "Mira (clone): fine"]

    def test_an_empty_reply_is_said_to_be_one(self, store: ChatStore) -> None:
        """Silence is not mistaken for waiting."""
        assert chat(store, FakeEngine((" ",)), "hi\n") == (0, ["(said nothing)"])

    def test_ctrl_c_stops_the_reply_and_not_the_chat(self, store: ChatStore) -> None:
        """What was written is kept, and Ctrl+C works as usual afterwards."""
        usual = signal.getsignal(signal.SIGINT)
        engine = InterruptedEngine(("he", "y"), ("fine",))
        assert chat(store, engine, "hi\nstill there?\n") == (0, ["Mira (clone): he", "(stopped)", "Mira (clone): fine"])
        assert store.messages(store.conversations()[0].id)[1].state == "cancelled"
        assert signal.getsignal(signal.SIGINT) == usual

    def test_ctrl_c_between_two_replies_ends(self, store: ChatStore) -> None:
        """The exit code is that of an interrupted program."""
        output = io.StringIO()
        assert run_plain(talking(FakeEngine()), store, InterruptedInput(), output, HOME) == 130


class InterruptedEngine(FakeEngine):
    """Is interrupted by Ctrl+C after its first piece."""

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Write, press Ctrl+C once, and write no more until that has arrived."""
        for event in super().generate(prompt, sampling, cancelled):
            yield event
            if len(self.prompts) == 1 and isinstance(event, Piece):
                os.kill(os.getpid(), signal.SIGINT)
                while not cancelled():
                    time.sleep(0.001)


class InterruptedInput(io.StringIO):
    """Ctrl+C is pressed where a message should be."""

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # typeshed's StringIO does so too
        """Raise what Python raises then."""
        raise KeyboardInterrupt
