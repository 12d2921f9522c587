"""What a clone may tell to whom."""

import pytest

from chatclone.clone.clone import Recalled
from chatclone.clone.saved_reply import clone_as_set
from chatclone.conversations import Settings
from chatclone.prompt.render import ChatMessage
from chatclone.recall.visibility import everything, may_tell
from memory.memory import NOTES
from memory.search.recall import Hit
from tests.fakes import FakeEngine, fake_clone

WITH_ANNA = Hit(1, 1_700_000_000, "Mira, Anna", "2023-11-14 Mira: i adopted a cat!!", 0.8, "Anna")
IN_A_GROUP = Hit(2, 1_700_000_000, "Mum, Mira", "2023-11-14 Mum: dinner at 7", 0.7, "Family")
WITH_MUM = Hit(3, 1_700_000_000, "Mira", "2023-11-14 Mira: home late", 0.6, "Mum")
NOTE = Hit(4, 1_700_000_000, NOTES, "notes: has a cold", 0.5, NOTES)
ALL = (WITH_ANNA, IN_A_GROUP, WITH_MUM, NOTE)


@pytest.mark.parametrize(
    ("partner", "told"),
    [
        ("", ALL),
        ("anna", ALL),
        ("Mum", (IN_A_GROUP, WITH_MUM, NOTE)),
        ("MUM ", (IN_A_GROUP, WITH_MUM, NOTE)),
        ("a stranger", (NOTE,)),
        ("Ann", (NOTE,)),
    ],
)
def test_somebody_hears_what_they_took_part_in(partner: str, told: tuple[Hit, ...]) -> None:
    """The usual partner hears everything; a part of a name is somebody else's."""
    allowed = may_tell(partner, usual="Anna")
    assert tuple(hit for hit in ALL if allowed(hit)) == told


def test_a_reply_is_given_no_more() -> None:
    """A conversation's partner decides; without one nothing changes."""
    clone = fake_clone(FakeEngine(), *ALL, partner="Anna")
    assert clone.may_tell is everything
    for partner, expected in (("", ALL), ("Mum", (IN_A_GROUP, WITH_MUM, NOTE))):
        events = clone_as_set(clone, Settings(partner=partner)).reply([ChatMessage("user", "hi")])
        recalled = next(event for event in events if isinstance(event, Recalled))
        assert recalled.hits == expected
