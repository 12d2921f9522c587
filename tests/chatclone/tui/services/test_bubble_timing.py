"""The pace of bubbles: learnt from how a person writes, kept in proportion, never slow."""

from pathlib import Path

import pytest

from chatclone.archive.archive import Archive
from chatclone.personas.persona import Persona
from chatclone.tui.services import bubble_timing
from chatclone.tui.services.bubble_timing import (
    FEWEST,
    FILE,
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    USUAL,
    Rhythm,
    learn,
    rhythm_of,
)
from importers.message import Chat, Message, Person

ME, ANNA = "user1", "user2"


def persona_who_writes(home: Path, pauses: list[int], text: str = "a line of the usual kind") -> Persona:
    """Make a persona whose archive holds bursts with these pauses, and an answer of Anna's after every second one."""
    persona = Persona(home, "Mira", ids={"telegram": ME})
    persona.save()
    messages: list[Message] = []
    moment = 1_700_000_000
    for pause in pauses:
        for sender, after in ((ME, 7200), (ME, pause), (ANNA, 3)):
            moment += after
            messages.append(Message(ANNA, len(messages) + 1, moment, sender, text))
    archive = Archive(persona.archive_file)
    with archive.transaction():
        archive.add("telegram", messages)
        archive.add_names("telegram", [Chat(ANNA, "personal", "Anna")], [Person(ME, "Mira"), Person(ANNA, "Anna")])
    archive.close()
    return persona


class TestLearning:
    """From pauses to delays."""

    def test_somebody_quick_is_as_quick_as_they_are(self, tmp_path: Path) -> None:
        """A line of their usual length takes what it takes them."""
        found = rhythm_of(persona_who_writes(tmp_path, [1] * 25))
        assert found == Rhythm(1.0, 24)
        assert found.delay("a line of the usual kind") == pytest.approx(1.0)
        assert SHORTEST_SECONDS <= found.delay("ok") < 1.0 < found.delay("a much longer line than they usually write")

    def test_somebody_slow_is_sped_up_as_a_whole(self) -> None:
        """Nine of ten of their bubbles come within two seconds, and a quicker one still comes sooner."""
        found = learn([(float(pause), 24) for pause in range(1, 21)])
        assert found.seconds == pytest.approx(10.5 * LONGEST_SECONDS / 18.9, rel=0.01)
        assert found.delay("x" * 500) == LONGEST_SECONDS

    def test_too_little_is_nothing_to_learn_from(self, tmp_path: Path) -> None:
        """A few pauses, and pauses between two thoughts, leave the usual rhythm; so does no archive."""
        assert learn([(1.0, 5)] * (FEWEST - 1)) == USUAL
        assert rhythm_of(Persona(tmp_path, "Mira")) == USUAL
        assert rhythm_of(persona_who_writes(tmp_path, [600] * 25)) == USUAL

    def test_it_is_learnt_once_for_each_state_of_the_archive(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is kept holds no words, and is not believed when it is broken."""
        persona = persona_who_writes(tmp_path, [2] * 25)
        found = rhythm_of(persona)
        assert "line" not in (tmp_path / FILE).read_text("utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(bubble_timing, "_pauses", lambda persona: pytest.fail("it was learnt again"))
            assert rhythm_of(persona) == found
        (tmp_path / FILE).write_text("{", "utf-8")
        assert rhythm_of(persona) == found
        archive = Archive(persona.archive_file)
        with archive.transaction():
            archive.add("telegram", [Message(ANNA, 1000 + n, 1_800_000_000 + n, ME, "quick") for n in range(200)])
        archive.close()
        assert rhythm_of(persona).seconds < found.seconds

    def test_a_broken_archive_costs_nothing_but_the_rhythm(self, tmp_path: Path) -> None:
        """The chat goes on."""
        persona = Persona(tmp_path, "Mira")
        persona.archive_file.write_bytes(b"this is no database, and never was one")
        assert rhythm_of(persona) == USUAL
