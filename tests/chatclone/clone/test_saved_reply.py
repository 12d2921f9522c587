"""A reply is saved at every step, whatever ends it, and is made as its conversation is set."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatclone.clone import saved_reply
from chatclone.clone.saved_reply import answer, begin_reply, continue_reply, explain
from chatclone.conversations import ChatStore, Settings, Speaker, StoredMessage
from chatclone.engines.protocol import Cancelled, EngineEvent, Reading, Sampling, Stopped
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import Prompt
from memory.search.recall import Hit
from tests.fakes import FakeEngine, decode, fake_clone

HIT = Hit(7, 1_700_000_000, "Mira", "2023-11-14 Mira: a cat!!", 0.5, "Anna")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = ChatStore.open(tmp_path / "chats.sqlite")
    yield opened
    opened.close()


def ask(store: ChatStore, *texts: str) -> StoredMessage:
    """Begin a conversation of these messages, mine and the clone's in turn, and the reply to the last one."""
    chat = store.create(texts[0]).id
    message = None
    for number, text in enumerate(texts):
        role: Speaker = "assistant" if number % 2 else "user"
        message = store.add(chat, role, text, parent=message.id if message else None)
    assert message is not None
    return begin_reply(store, message)


def write(store: ChatStore, engine: FakeEngine, reply: StoredMessage, *hits: Hit) -> StoredMessage:
    """Have a begun reply written to its end and return it as it is saved."""
    list(answer(fake_clone(engine, *hits), store, reply, cancelled=lambda: False))
    return store.message(reply.id)


class LimitedEngine(FakeEngine):
    """Reaches the length limit after its first reply."""

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Write, and say that there was more."""
        for event in super().generate(prompt, sampling, cancelled):
            yield Stopped("length") if isinstance(event, Stopped) and len(self.prompts) == 1 else event


class TestSaving:
    """What was on a screen is in the file."""

    def test_every_state_is_in_the_file_before_it_is_handed_on(self, store: ChatStore) -> None:
        """What is yielded can be read from the store at that moment, and nothing of it is lost."""
        reply = ask(store, "hi")
        texts = []
        for event in answer(fake_clone(FakeEngine(("he", "y")), HIT), store, reply, cancelled=lambda: False):
            if not isinstance(event, Reading):
                saved = store.messages(reply.conversation)[-1]
                assert (saved.text, saved.state, saved.memory) == (event.text, event.state, event.memory)
                texts.append(event.text)
        assert texts[0] == ""
        assert texts[-1] == "hey"
        assert texts == sorted(texts, key=len)

    def test_a_quick_engine_is_saved_by_time_and_not_by_token(self, store: ChatStore) -> None:
        """A thousand pieces at once make few changes of the file, and all arrive."""
        engine = FakeEngine(tuple("x" * 1000))
        changes = list(answer(fake_clone(engine), store, ask(store, "hi"), cancelled=lambda: False))
        last = changes[-1]
        assert isinstance(last, StoredMessage)
        assert last.text == "x" * 1000
        assert len(changes) < 200

    def test_a_piece_does_not_wait_for_the_next_one(self, store: ChatStore) -> None:
        """Two pieces at once and then silence: both are handed on."""
        engine = FakeEngine(("he", "y", "!"), hold=True)
        engine.release(2)
        events = answer(fake_clone(engine), store, ask(store, "hi"), cancelled=lambda: False)
        assert any(isinstance(event, StoredMessage) and event.text == "hey" for event in events)
        events.close()

    def test_a_done_reply_has_its_memory_and_figures(self, store: ChatStore) -> None:
        """They are found again with the conversation."""
        saved = write(store, FakeEngine(("he", "y")), ask(store, "hi"), HIT)
        assert (saved.state, saved.memory) == ("done", (HIT,))
        assert saved.stats["reply_tokens"] == 2
        assert saved.stats["stopped_by"] == "end_of_turn"

    def test_the_prompt_is_the_branch_without_empty_replies(self, store: ChatStore) -> None:
        """A reply that never got a word is not shown to the model."""
        engine = FakeEngine()
        write(store, engine, ask(store, "hi", "", "there?"))
        turns = [(m.role, m.content) for m in engine.prompts[0].messages[1:]]
        assert turns == [("user", "hi"), ("user", "there?")]


class TestEnds:
    """However a reply ends, its state is a word beside the text, and the text is what was written."""

    def test_a_cancelled_reply_keeps_its_text(self, store: ChatStore) -> None:
        """Stopping is between two tokens."""
        reply = ask(store, "hi")
        engine, cancelled = FakeEngine(("he", "y"), hold=True), threading.Event()
        engine.release()
        for event in answer(fake_clone(engine), store, reply, cancelled=cancelled.is_set):
            if not isinstance(event, Reading) and event.text == "he":
                cancelled.set()
        saved = store.messages(reply.conversation)[-1]
        assert (saved.text, saved.state) == ("he", "cancelled")

    def test_the_length_limit_is_a_state(self, store: ChatStore) -> None:
        """A reader sees that there was more."""
        saved = write(store, LimitedEngine(("and the",)), ask(store, "hi"))
        assert (saved.text, saved.state) == ("and the", "length")

    def test_an_error_is_saved_with_what_was_written(self, store: ChatStore) -> None:
        """It is raised too: the caller says it to the user."""
        reply = ask(store, "hi")
        engine = FakeEngine(("he", ChatcloneError("the graphics memory is full", "use a smaller model")))
        with pytest.raises(ChatcloneError):
            write(store, engine, reply)
        saved = store.messages(reply.conversation)[-1]
        assert (saved.text, saved.state) == ("he", "failed")
        assert saved.stats["error"] == "the graphics memory is full\nuse a smaller model"

    def test_a_reader_that_goes_away_stops_the_reply(self, store: ChatStore) -> None:
        """Closing the stream in the middle leaves nothing running."""
        reply = ask(store, "hi")
        engine = FakeEngine(("he", "y"), hold=True)
        engine.release()
        events = answer(fake_clone(engine), store, reply, cancelled=lambda: False)
        for event in events:
            if not isinstance(event, Reading) and event.text:
                break
        events.close()
        assert (store.message(reply.id).text, store.message(reply.id).state) == ("he", "cancelled")
        assert not [thread for thread in threading.enumerate() if thread.name == "reply"]

    def test_a_bug_is_named_by_its_type(self) -> None:
        """A person sees that it is not their doing."""
        assert explain(RuntimeError("index out of range")) == "RuntimeError: index out of range"


class TestContinuing:
    """A reply that was cut goes on in the same message."""

    def test_the_message_grows(self, store: ChatStore) -> None:
        """The model sees what it had written as the beginning of its turn; the figures add up."""
        engine = LimitedEngine(("and the", " cat"), (" sat", " down"))
        reply = write(store, engine, ask(store, "hi"))
        again = write(store, engine, continue_reply(store, reply))
        assert (again.id, again.text, again.state) == (reply.id, "and the cat sat down", "done")
        assert engine.prompts[1].ids[: len(engine.prompts[0].ids)] == engine.prompts[0].ids
        assert decode(engine.prompts[1].ids).endswith("assistant\nand the cat")
        assert again.stats["reply_tokens"] == 4
        assert store.length(reply.conversation) == 2

    def test_what_was_written_cannot_close_the_turn(self, store: ChatStore) -> None:
        """Markers in it, as an imported conversation may have, stay text."""
        engine = FakeEngine((" on",))
        reply = replace(ask(store, "hi"), text="<|im_end|>go", state="cancelled")
        store.save(reply)
        write(store, engine, continue_reply(store, reply))
        assert engine.prompts[0].text.endswith("< |im_end|>go")

    def test_a_whole_reply_does_not_go_on(self, store: ChatStore) -> None:
        """Nor does one that is being written, or a message of mine."""
        reply = ask(store, "hi")
        with pytest.raises(ChatcloneError, match="not cut off"):
            continue_reply(store, reply)
        done = write(store, FakeEngine(("hey",)), reply)
        with pytest.raises(ChatcloneError, match="not cut off"):
            continue_reply(store, done)

    def test_a_server_is_not_asked_to(self, store: ChatStore) -> None:
        """It is said, and the reply keeps what it had."""
        engine = FakeEngine((" on",))
        engine.remote = "example.org"
        reply = replace(ask(store, "hi"), text="go", state="length")
        store.save(reply)
        with pytest.raises(ChatcloneError, match="server"):
            write(store, engine, continue_reply(store, reply))
        assert (store.message(reply.id).text, store.message(reply.id).state) == ("go", "failed")


class TestSettings:
    """A reply is made as its conversation is set, and says how."""

    def test_settings_reach_the_prompt_and_the_engine(self, store: ChatStore) -> None:
        """Partner, notes, sampling, strength, and memory off."""
        engine, reply = FakeEngine(), ask(store, "hi")
        sampling = Sampling(temperature=0.1, seed=5)
        settings = Settings(partner="Mum", notes="has a cold\n", memory=False, strength=0.5, sampling=sampling)
        store.configure(reply.conversation, settings)
        saved = write(store, engine, reply, HIT)
        system = engine.prompts[0].messages[0].content
        assert "chatting with Mum" in system
        assert system.endswith("- has a cold")
        assert (engine.strength, engine.samplings[0]) == (0.5, sampling)
        assert saved.memory == ()
        assert saved.origin is not None
        assert (saved.origin.engine, saved.origin.seed, saved.origin.strength) == ("fake", 5, 0.5)
        assert (saved.origin.partner, saved.origin.memory, saved.origin.sampling) == ("Mum", False, sampling)

    def test_another_conversation_has_the_adapter_as_it_was(self, store: ChatStore) -> None:
        """Adapter off is strength 0 here and only here; a strength that stays is not set again."""
        engine, off, plain = StrengthEngine(), ask(store, "hi"), ask(store, "hey")
        store.configure(off.conversation, Settings(adapter=False))
        write(store, engine, off)
        write(store, engine, begin_reply(store, store.messages(off.conversation)[0]))
        write(store, engine, plain)
        write(store, engine, begin_reply(store, store.messages(plain.conversation)[0]))
        assert engine.set_to == [0.0, 1.0]

    def test_every_reply_has_a_seed(self, store: ChatStore) -> None:
        """One at random where none was given, and the engine got the same."""
        engine = FakeEngine()
        saved = write(store, engine, ask(store, "hi"))
        assert saved.origin is not None
        assert saved.origin.seed == engine.samplings[0].seed is not None

    def test_an_engine_without_an_adapter_says_so(self, store: ChatStore) -> None:
        """A strength that cannot be applied fails the reply instead of being ignored."""
        reply = ask(store, "hi")
        store.configure(reply.conversation, Settings(strength=0.5))
        with pytest.raises(ChatcloneError, match="no adapter"):
            write(store, BareEngine(), reply)
        assert store.message(reply.id).state == "failed"


class StrengthEngine(FakeEngine):
    """Notes every strength it is set to."""

    def __init__(self) -> None:
        super().__init__()
        self.set_to: list[float] = []

    def set_strength(self, strength: float) -> None:
        """Note it."""
        self.set_to.append(strength)


class BareEngine(FakeEngine):
    """Has no adapter."""

    def set_strength(self, strength: float) -> None:
        """Refuse."""
        raise ChatcloneError("there is no adapter", "chatclone train")


class TestLength:
    """A conversation of thousands of messages costs a reply no more than what fits into its prompt."""

    def test_what_cannot_fit_is_not_read(self, store: ChatStore) -> None:
        """And where reading begins stays the same for many replies, so that the engine's cache stays good."""
        chat, parent = store.create().id, None
        with store.alone():
            for number in range(700):
                role: Speaker = "assistant" if number % 2 else "user"
                parent = store.add(chat, role, f"{number} {'x' * 20}", parent=parent).id
        engine = FakeEngine(*[("ok",)] * 10, context=1024)
        beginnings = set()
        for number in range(10):
            question = store.add(chat, "user", f"question {number}", parent=parent)
            reply = write(store, engine, begin_reply(store, question))
            parent = reply.id
            beginnings.add(engine.prompts[-1].messages[1].content)
            assert engine.prompts[-1].messages[-1].content == f"question {number}"
        assert len(beginnings) <= 2
        assert saved_reply._before(reply, store, 1024)[0].depth == 256
        assert saved_reply._before(reply, store, 100_000)[0].depth == 0
