"""Any sequence of adding, editing, forgetting and reopening ends as a plain Python model of memory says."""

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from memory.memory import Memory
from memory.passages import Line

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
        self.memory = Memory.open(self.path)
        self.archive: dict[str, Line] = {}
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
        return {k: x for k, x in self.archive.items() if self.forgotten.isdisjoint({k, x.who, x.chat})}

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

    @rule(who=PEOPLE)
    def forget_person(self, who: str) -> None:
        """Forget everything somebody said."""
        gone = sum(line.who == who for line in self.expected().values())
        assert self.memory.forget(person=who) == gone
        self.forgotten.add(who)
        self.forgotten |= {key for key, line in self.archive.items() if line.who == who}

    @rule()
    def rename(self) -> None:
        """Give every chat another name."""
        self.archive = {k: replace(x, chat_name=x.chat_name + "!") for k, x in self.archive.items()}
        self.memory.sync(self.archive.values())

    @rule()
    def reopen(self) -> None:
        """Close the file and open it again."""
        self.memory.close()
        self.memory = Memory.open(self.path)

    @rule()
    def rebuild(self) -> None:
        """Make the index anew."""
        self.memory.rebuild()

    @invariant()
    def agrees_with_the_model(self) -> None:
        """Every remembered message is found by its own word, no other is, and the file is sound."""
        expected = {line.text for line in self.expected().values()}
        for edition in range(1, self.edition + 1):
            shown = {line for hit in self.memory.recall(word(edition)).hits for line in hit.text.split("\n")}
            assert any(line.endswith(f": {word(edition)}") for line in shown) == (word(edition) in expected)
        assert self.memory.check() == []


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
