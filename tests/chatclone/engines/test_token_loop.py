"""The generation loop of local engines, on an engine that writes the alphabet."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import pytest

from chatclone.engines import token_loop
from chatclone.engines.protocol import Cancelled, EngineEvent, Piece, Reading, Sampling, Stopped
from chatclone.engines.token_loop import LocalEngine, common_prefix
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatTemplate, Prompt
from tests.fakes import chatml

EURO = "€".encode()  # three tokens of one byte


class Alphabet(LocalEngine):
    """Writes `reply` byte by byte, and records the tokens it computes."""

    name = "alphabet"
    read_batch = 4

    def __init__(self, reply: bytes, *, context: int = 100, crops: bool = True) -> None:
        super().__init__("alphabet", context, _template())
        self.reply = reply
        self.crops = crops
        self.fed: list[int] = []
        self.prompt_length = 0

    def _free(self) -> None:
        """Free nothing."""

    def _crop(self, length: int) -> int:
        return length if self.crops else 0

    def _feed(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> bool:
        self.fed += ids
        return True

    def _chooser(self, sampling: Sampling) -> Callable[[], int]:
        rest = iter(self.reply)
        return lambda: next(rest, END)


END = 257


def _template() -> ChatTemplate:
    template = chatml()
    assert template.stop_ids == {END}
    return template


def _prompt(ids: Sequence[int]) -> Prompt:
    return Prompt((), "", tuple(ids))


def _run(
    engine: LocalEngine, ids: Sequence[int], cancelled: Cancelled = lambda: False, **sampling: int
) -> list[EngineEvent]:
    return list(engine.generate(_prompt(ids), Sampling(**sampling), cancelled))


class TestReading:
    """The prompt is read in batches; cached tokens are not read again."""

    def test_batches(self) -> None:
        """Every batch is reported, and the whole prompt was computed."""
        engine = Alphabet(b"")
        events = _run(engine, range(10))
        assert [(e.done, e.cached) for e in events if isinstance(e, Reading)] == [(0, 0), (4, 0), (8, 0), (10, 0)]
        assert engine.fed == list(range(10))

    def test_common_prefix_is_kept(self) -> None:
        """For a second prompt only the tokens after the common prefix are computed."""
        engine = Alphabet(b"ab")
        _run(engine, range(10))
        engine.fed.clear()
        events = _run(engine, [*range(10), *b"a", 60, 61])
        assert events[0] == Reading(11, 13, 11)
        assert engine.fed[:2] == [60, 61]

    def test_the_same_prompt_again(self) -> None:
        """The last token is always computed: the reply begins with its logits."""
        engine = Alphabet(b"")
        _run(engine, range(10))
        assert _run(engine, range(10))[0] == Reading(9, 10, 9)

    def test_a_model_that_cannot_crop(self) -> None:
        """A model that cannot crop its cache reads the whole prompt again."""
        engine = Alphabet(b"", crops=False)
        _run(engine, range(10))
        assert _run(engine, [0, 1, 2, 70])[0] == Reading(0, 4, 0)

    def test_cancelled(self) -> None:
        """Cancelling between two batches stops at once and keeps what was read."""
        engine = Alphabet(b"never")
        answers = iter([False, True])
        assert _run(engine, range(10), lambda: next(answers))[-1] == Stopped("cancelled")
        assert _run(engine, range(10))[0] == Reading(4, 10, 4)

    def test_longer_than_the_context(self) -> None:
        """A prompt that fills the context is a ChatcloneError."""
        with pytest.raises(ChatcloneError, match="100 tokens and the model takes 100"):
            _run(Alphabet(b""), range(100))


class TestWriting:
    """Pieces are whole characters, and `Stopped` says why the reply ended."""

    def test_end_of_turn(self) -> None:
        """The end-of-turn token ends the reply and is not part of it."""
        events = _run(Alphabet(b"hi"), [1])
        assert events[-3:] == [Piece("h"), Piece("i"), Stopped("end_of_turn")]

    def test_a_character_of_several_tokens(self) -> None:
        """A character is returned with its last token, with the count of all its tokens."""
        assert _run(Alphabet(b"a" + EURO), [1])[-3:] == [Piece("a"), Piece("€", 3), Stopped("end_of_turn")]

    def test_length(self) -> None:
        """The length ends a reply, and half a character is dropped."""
        assert _run(Alphabet(b"a" + EURO), [1], max_tokens=2)[-2:] == [Piece("a"), Stopped("length")]

    def test_end_of_context(self) -> None:
        """The reply never grows beyond the context."""
        events = _run(Alphabet(b"x" * 50, context=6), range(3))
        assert [e for e in events if isinstance(e, Piece)] == [Piece("x")] * 3
        assert events[-1] == Stopped("length")

    def test_cancelled(self) -> None:
        """Text written before the cancellation stays in the cache for the next prompt."""
        engine = Alphabet(b"abcdef")
        answers = iter([False] * 3)
        events = _run(engine, [1], lambda: next(answers, True))
        assert events[-3:] == [Piece("a"), Piece("b"), Stopped("cancelled")]
        assert _run(engine, [1, *b"a", 5])[0] == Reading(2, 3, 2)


class TestOneAtATime:
    """One generation at a time."""

    def test_second_is_refused(self) -> None:
        """A second generation is refused until the first was closed."""
        engine = Alphabet(b"abc")
        first = engine.generate(_prompt([1]), Sampling(), lambda: False)
        next(first)
        with pytest.raises(ChatcloneError, match="still writing"):
            _run(engine, [1])
        first.close()  # type: ignore[attr-defined]  # it is a generator
        assert _run(engine, [1])[-1] == Stopped("end_of_turn")


class TestClosing:
    """A model is freed after its generation has stopped."""

    def test_while_another_thread_writes(self) -> None:
        """The generation stops before the model is freed."""
        order: list[str] = []
        begun = threading.Event()

        class Endless(Alphabet):
            def _feed(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> bool:
                begun.set()
                order.append("computed")
                return True

            def _chooser(self, sampling: Sampling) -> Callable[[], int]:
                return lambda: ord("x")

            def _free(self) -> None:
                order.append("freed")

        engine = Endless(b"", context=10**9)
        events: list[EngineEvent] = []
        generation = engine.generate(_prompt([1]), Sampling(max_tokens=10**9), lambda: False)
        writing = threading.Thread(target=lambda: events.extend(deque(generation, maxlen=1)))
        writing.start()
        assert begun.wait(20)
        engine.close()
        writing.join(20)
        assert events == [Stopped("cancelled")]
        assert order[-1] == "freed" and order.count("freed") == 1

    def test_half_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An abandoned generation computes nothing when it is resumed after closing."""
        monkeypatch.setattr(token_loop, "CLOSE_SECONDS", 0.01)
        engine = Alphabet(b"abc")
        events = engine.generate(_prompt([1]), Sampling(), lambda: False)
        assert isinstance(next(events), Reading)
        engine.close()
        assert list(events) == [Stopped("cancelled")]
        assert engine.fed == []

    def test_twice(self) -> None:
        """Closing twice does nothing; using a closed model is an error."""
        engine = Alphabet(b"abc")
        engine.close()
        engine.close()
        with pytest.raises(ChatcloneError, match="has been closed"):
            _run(engine, [1])


def test_common_prefix() -> None:
    """The common prefix ends at the first difference, or with the shorter."""
    assert common_prefix([1, 2, 3], [1, 2, 4]) == 2
    assert common_prefix([1, 2], [1, 2, 3]) == 2
    assert common_prefix([], [1]) == 0
