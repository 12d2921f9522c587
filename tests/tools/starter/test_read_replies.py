"""Replies for a reader: fair contexts, and an honest count."""

from typing import Any

import pytest

pytest.importorskip("transformers")

from tools.starter.corpus import Conversation
from tools.starter.read_replies import contexts, count


def conversation(number: int, *, persona: bool) -> Conversation:
    """Return an invented conversation of six turns."""
    facts = (("I sing.",), ("I run.",)) if persona else ()
    return Conversation("test", facts, tuple(f"turn {turn} of {number}" for turn in range(6)))


class TestContexts:
    """Which places a reply is written for."""

    def test_held_out_only_and_half_with_facts(self) -> None:
        """No conversation that was trained on is asked, and both kinds are."""
        everything = [conversation(n, persona=persona) for n in range(400) for persona in (True, False)]
        chosen = list(contexts(everything, 4))
        assert all(c.held_out for c, _ in chosen)
        assert [bool(c.persona) for c, _ in chosen] == [True, True, False, False]
        assert all(turn % 2 == 1 and turn < 6 for _, turn in chosen)


class TestCount:
    """What a reader's judgements add up to."""

    def test_unread_lines_do_not_count(self) -> None:
        """A line without both judgements was not read."""
        lines: list[dict[str, Any]] = [
            {"grammatical": True, "on_topic": True},
            {"grammatical": True, "on_topic": False},
            {"grammatical": True, "on_topic": None},
        ]
        assert count(lines) == {"read": 2, "grammatical": 2, "on_topic": 1, "both": 1}
