"""One reply: what is recalled for it, what the prompt holds, and how little of it an engine has to read again."""

import time
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from chatclone.clone.clone import MEMORY_WORDS, Clone, Recalled, Reply
from chatclone.engines.protocol import Cancelled, Sampling
from chatclone.engines.token_loop import LocalEngine
from chatclone.personas.persona import Persona
from chatclone.prompt.context_window import KEPT, MEMORY_SHARE, TOKENS_A_WORD
from chatclone.prompt.memory_block import memory_block
from chatclone.prompt.render import ChatMessage
from memory.search.recall import Hit, Recall
from tests.fakes import FakeEngine, chatml, fake_clone

if TYPE_CHECKING:
    from memory.memory import Memory

REPLY = "yes, and you?"
BLOCKS = (9, 1, 0, 5, 30, 2)
"""Lines that memory recalls for one question after another: none, and more than there is room for, among them."""


class Echo(LocalEngine):
    """Says the same to everything, and keeps what two prompts have in common as the real ones do."""

    name = "echo"
    read_batch = 64

    def __init__(self, context: int) -> None:
        super().__init__("echo", context, chatml())

    def _free(self) -> None:
        """Hold nothing."""

    def _crop(self, length: int) -> int:
        return length

    def _feed(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> bool:
        return True

    def _chooser(self, sampling: Sampling) -> Callable[[], int]:
        reply = iter([*REPLY.encode(), *self.template.stop_ids])
        return lambda: next(reply)


class Notebook:
    """Recalls as many lines as it is told to, of a length that the word budget bounds."""

    def __init__(self, lines: int = 0) -> None:
        self.lines = lines
        self.asked: list[tuple[str, int, Collection[str]]] = []
        self.between: set[tuple[str, str]] = set()

    def recall(self, query: str, *, words: int, exclude: Collection[str], asked: str, asker: str) -> Recall:
        """Return lines of four words each."""
        self.between.add((asked, asker))
        self.asked.append((query, words, exclude))
        told = [f"2024-05-0{n % 9 + 1} Mira: unforgettable" for n in range(min(self.lines, words // 4))]
        hits = tuple(Hit(n, 1_700_000_000 + n, "Mira", line, 1.0 / (n + 1), "Anna") for n, line in enumerate(told))
        return Recall(hits, 4 * len(hits), 0.0)


def clone_of(engine: LocalEngine | FakeEngine, memory: Notebook | None) -> Clone:
    sampling = Sampling(max_tokens=40)
    return Clone(Persona(Path("no-folder"), "Mira"), engine, cast("Memory | None", memory), "Anna", sampling)


def ask(clone: Clone, turns: list[ChatMessage], question: str) -> Reply:
    """Ask, and add question and reply to the conversation."""
    turns.append(ChatMessage("user", question))
    *_, reply = clone.reply(turns)
    assert isinstance(reply, Reply)
    turns.append(ChatMessage("assistant", reply.text))
    return reply


def newest(reply: Reply, turns: Sequence[ChatMessage]) -> int:
    """Return the tokens that a reply cannot do without reading: the last exchange, its question, and its memory."""
    template = chatml()
    *_, question, answer, asked, _ = [ChatMessage("user", ""), ChatMessage("assistant", ""), *turns]
    lines = [line for hit in reply.memory for line in hit.text.split("\n")]
    block = len(template.encode(memory_block(lines) + "\n")) if lines else 0
    return block + len(template.encode(template.render([question, answer, asked], reply_next=True)))


class TestPrefix:
    """With memory on, what was read stays read."""

    @pytest.fixture
    def conversation(self) -> list[tuple[Reply, int]]:
        """Forty exchanges in a context that holds ten of them: each reply, and what it had to read at least."""
        memory = Notebook()
        clone, turns = clone_of(Echo(1400), memory), list[ChatMessage]()
        done = []
        for number in range(40):
            memory.lines = BLOCKS[number % len(BLOCKS)]
            reply = ask(clone, turns, f"and what do you think of number {number}?")
            done.append((reply, newest(reply, turns)))
        return done

    def test_only_what_is_new(self, conversation: list[tuple[Reply, int]]) -> None:
        """But for the turns where old ones go, nothing is read that was read for the reply before."""
        read = [(reply.prompt_tokens - reply.cached_tokens, least) for reply, least in conversation[1:]]
        again = [tokens for tokens, least in read if tokens > least]
        assert len(again) <= len(read) / 4
        assert len(again) >= 3

    def test_old_turns_go_seldom(self, conversation: list[tuple[Reply, int]]) -> None:
        """When the context is full they go together, and the shorter beginning serves for several replies."""
        read = [reply.prompt_tokens - reply.cached_tokens > least for reply, least in conversation]
        steps = [number for number, anew in enumerate(read) if anew and number > 0]
        assert min(later - earlier for earlier, later in pairwise(steps)) >= 4

    def test_the_dearest_reply(self, conversation: list[tuple[Reply, int]]) -> None:
        """Where old turns go, only what is left of the conversation's part is read again: half of it."""
        extra = [reply.prompt_tokens - reply.cached_tokens - least for reply, least in conversation[1:]]
        assert 0 < max(extra) <= KEPT * (1 - MEMORY_SHARE) * (1400 - 40)

    def test_the_system_turn_always(self, conversation: list[tuple[Reply, int]]) -> None:
        """The system turn is read once."""
        system = ChatMessage("system", Persona(Path("no-folder"), "Mira").system_prompt("Anna"))
        length = len(chatml().encode(chatml().render([system], reply_next=False)))
        assert length > 60
        assert all(reply.cached_tokens >= length for reply, _ in conversation[1:])

    def test_late_as_early(self, conversation: list[tuple[Reply, int]]) -> None:
        """With as much memory as there is room for, no late reply reads 1.5 times what an early one does."""
        read = [reply.prompt_tokens - reply.cached_tokens for reply, _ in conversation]
        full = [number for number in range(40) if BLOCKS[number % len(BLOCKS)] == max(BLOCKS)]
        early, *late = [read[number] for number in full]
        assert len(late) == 5 and full[-1] > 30
        assert max(late) <= 1.5 * early


class TestMemory:
    """What is recalled, and how much of it."""

    def test_asked_for_the_last_turn(self) -> None:
        """The last turn is the query; what stands in the prompt is left out; the budget is in words."""
        memory = Notebook()
        turns = [ChatMessage("user", "a\nb"), ChatMessage("assistant", "c"), ChatMessage("user", "d")]
        list(clone_of(FakeEngine(), memory).reply(turns))
        ((query, words, exclude),) = memory.asked
        assert memory.between == {("Mira", "Anna")}, "`your cat` is Mira's, `my cat` is Anna's"
        assert (query, words, list(exclude)) == ("d", MEMORY_WORDS, ["a", "b", "c", "d"])

    def test_a_small_context(self) -> None:
        """It gets fewer words, of which most fit at once."""
        memory = Notebook()
        list(clone_of(FakeEngine(context=1000), memory).reply([ChatMessage("user", "d")]))
        assert MEMORY_SHARE * 800 / TOKENS_A_WORD < memory.asked[0][1] < MEMORY_SHARE * 1000 / TOKENS_A_WORD

    def test_more_than_there_is_room_for(self) -> None:
        """Words that take too many tokens are asked for again, fewer; what is told is what the prompt holds."""
        engine = FakeEngine(context=1000)
        memory = Notebook(lines=100)
        recalled, *_, reply = clone_of(engine, memory).reply([ChatMessage("user", "d")])
        assert len(memory.asked) > 1
        assert isinstance(recalled, Recalled) and isinstance(reply, Reply)
        assert 0 < len(recalled.hits) == engine.prompts[0].text.count("unforgettable")
        assert reply.memory == recalled.hits
        assert len(engine.prompts[0].ids) <= 1000 - 40

    def test_stubborn(self) -> None:
        """A memory that recalls more than it is asked for is cut, worst first."""
        engine = FakeEngine(context=700)
        hits = [Hit(n, n, "Mira", f"{n} " + "x" * 100, 1.0 / (n + 1), "Anna") for n in range(9)]
        recalled, *_ = fake_clone_small(engine, hits).reply([ChatMessage("user", "d")])
        assert isinstance(recalled, Recalled)
        assert 0 < len(recalled.hits) < 9
        assert recalled.hits == tuple(hits[: len(recalled.hits)])

    def test_a_long_question(self) -> None:
        """A question that leaves no room for memory is answered without."""
        engine = FakeEngine(context=1000)
        recalled, *_ = clone_of(engine, Notebook(lines=50)).reply([ChatMessage("user", "x" * 840)])
        assert recalled == Recalled(())
        assert "<memory>" not in engine.prompts[0].text

    def test_off(self) -> None:
        """Without memory the conversation has all the room."""
        turns = [ChatMessage("user" if n % 2 == 0 else "assistant", "x" * 20) for n in range(15)]
        with_it, without = FakeEngine(context=1000), FakeEngine(context=1000)
        list(clone_of(with_it, Notebook()).reply(turns))
        list(clone_of(without, None).reply(turns))
        assert len(without.prompts[0].messages) > len(with_it.prompts[0].messages)


def fake_clone_small(engine: FakeEngine, hits: Sequence[Hit]) -> Clone:
    clone = fake_clone(engine, *hits)
    clone.sampling = Sampling(max_tokens=40)
    return clone


def test_first_token_counts_the_recall() -> None:
    """The time to the first token is what a person waits: from the question on."""
    clone = clone_of(Echo(1400), Notebook())
    events = clone.reply([ChatMessage("user", "hey")])
    next(events)
    time.sleep(0.05)  # what recalling might take
    *_, reply = events
    assert isinstance(reply, Reply)
    assert reply.first_token_ms >= 50
