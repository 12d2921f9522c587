"""Any sequence of adding, editing, forgetting and reopening ends as a plain Python model of memory says."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from memory.memory import Memory
from memory.passages import Line
from tests.embedders import HashEmbedder

NUMBERS = st.integers(0, 11)
PEOPLE = st.sampled_from(["Anna", "Bo", "Ира"])
CHATS = st.sampled_from(["c1", "c2"])
HOURS = st.integers(0, 40)


def word(edition: int) -> str:
    """Return a word of letters only that stands for a number, so that a message is found by it alone."""
    return "q" + "".join(chr(ord("a") + int(digit)) + "x" for digit in str(edition))


class Remembering(RuleBasedStateMachine):
    """An archive, what was forgotten, and a memory that is to agree with both."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "memory.sqlite"
        self.memory = Memory.open(self.path, HashEmbedder())
        self.archive: dict[str, Line] = {}
        self.told: dict[str, Line] = {}
        self.spans: list[tuple[int, int]] = []
        self.forgotten: set[str] = set()
        self.edition = 0

    def teardown(self) -> None:
        """Remove the file."""
        self.memory.close()
        self.folder.cleanup()

    def text(self) -> str:
        """Return a text nobody wrote before."""
        self.edition += 1
        return word(self.edition)

    def expected(self) -> dict[str, Line]:
        """Return the lines that should be remembered."""
        every = self.archive | self.told
        return {k: x for k, x in every.items() if self.forgotten.isdisjoint({k, x.who, x.chat}) and not self.in_span(x)}

    def in_span(self, line: Line) -> bool:
        """Tell whether a line was said in a span of time that was forgotten."""
        return any(start <= line.when < end for start, end in self.spans)

    @rule(number=NUMBERS, who=PEOPLE, chat=CHATS, hour=HOURS)
    def write(self, number: int, who: str, chat: str, hour: int) -> None:
        """Add a message, or edit the one with this number."""
        key = f"telegram:{chat}/{number}"
        self.archive[key] = Line(key, chat, f"name of {chat}", who, 3600 * hour, self.text())
        self.memory.sync(self.archive.values())

    @rule(number=NUMBERS, chat=CHATS)
    def remove(self, number: int, chat: str) -> None:
        """Take a message out of the archive."""
        self.archive.pop(f"telegram:{chat}/{number}", None)
        self.memory.sync(self.archive.values())

    @rule(number=NUMBERS, chat=CHATS)
    def forget_message(self, number: int, chat: str) -> None:
        """Forget a message, whether it is there or not."""
        key = f"telegram:{chat}/{number}"
        assert self.memory.forget(key=key) == (key in self.expected())
        self.forgotten.add(key)

    @rule(number=NUMBERS, hour=HOURS)
    def tell(self, number: int, hour: int) -> None:
        """Tell the clone something, or in other words what was told before."""
        key = f"chatclone:1/{number}"
        self.told[key] = Line(key, "chatclone:1", "told", "Theo", 3600 * hour, self.text())
        self.memory.tell([self.told[key]])

    @rule(hour=HOURS)
    def forget_span(self, hour: int) -> None:
        """Forget two hours."""
        start, end = 3600 * hour, 3600 * (hour + 2)
        gone = {key for key, line in self.expected().items() if start <= line.when < end}
        assert self.memory.forget(span=(start, end)) == len(gone)
        self.spans.append((start, end))
        self.forgotten |= gone

    @rule(who=PEOPLE)
    def forget_person(self, who: str) -> None:
        """Forget everything somebody said."""
        gone = sum(line.who == who for line in self.expected().values())
        assert self.memory.forget(person=who) == gone
        self.forgotten.add(who)
        self.forgotten |= {key for key, line in self.archive.items() if line.who == who and not self.in_span(line)}

    @rule()
    def rename(self) -> None:
        """Give every chat another name."""
        self.archive = {k: x._replace(chat_name=x.chat_name + "!") for k, x in self.archive.items()}
        self.memory.sync(self.archive.values())

    @rule()
    def reopen(self) -> None:
        """Close the file and open it again."""
        self.memory.close()
        self.memory = Memory.open(self.path, HashEmbedder())

    @rule()
    def rebuild(self) -> None:
        """Make the index anew."""
        self.memory.rebuild()

    @invariant()
    def agrees_with_the_model(self) -> None:
        """Every remembered message is found by its own word, no other is, by words and by meaning; all is sound."""
        expected = {line.text for line in self.expected().values()}
        for edition in range(1, self.edition + 1):
            shown = {line for hit in self.memory.recall(word(edition)).hits for line in hit.text.split("\n")}
            assert any(line.endswith(f": {word(edition)}") for line in shown) == (word(edition) in expected)
        assert self.memory.check() == []

    @invariant()
    def the_index_is_the_store(self) -> None:
        """The index holds exactly the passages, and finds what comparing with every vector finds."""
        embedding = self.memory._embedding
        assert embedding is not None and embedding.open()
        question = "qxax qxbx Anna"
        with self.memory._look() as connection:
            dense = embedding.dense(connection, question)
            assert dense is not None
            found = dense(question, 1000)
            passages = [row[0] for row in connection.execute("SELECT id FROM passage ORDER BY id")]
            stored = dict(connection.execute("SELECT passage, value FROM vector").fetchall())
        assert sorted(passage for passage, _ in found.passages) == passages
        assert embedding._index is not None
        assert embedding._index.ids().tolist() == passages
        asked = HashEmbedder().embed_query(question)
        for passage, cosine in found.passages:
            vector = np.frombuffer(stored[passage], "<f2").astype(np.float32)
            assert abs(float(vector @ asked) - cosine) < 1e-5
        cosines = [cosine for _, cosine in found.passages]
        assert cosines == sorted(cosines, reverse=True)


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
