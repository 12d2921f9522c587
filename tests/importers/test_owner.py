"""People are found by id or name; the owner is known only if the export tells."""

import pytest

from importers.message import Chat, Person
from importers.owner import infer_owner, resolve
from importers.source import ImportFailure

PEOPLE = {
    p.id: p
    for p in (Person("user1", "Mira"), Person("user2", "Mira Vale"), Person("user3", "Тео"), Person("user4", "Ann"))
}
COUNTS = {"user1": 5, "user2": 70, "user3": 3}


class TestResolve:
    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ("user3", "user3"),
            ("3", "user3"),
            ("Mira", "user1"),
            ("mira vale", "user2"),
            ("тео", "user3"),
            ("nn", "user4"),
        ],
    )
    def test_found(self, wanted: str, found: str) -> None:
        """An id, a whole name in any casing, or a part that fits one person only."""
        assert resolve(wanted, PEOPLE, COUNTS).id == found

    def test_ambiguous(self) -> None:
        """A part that fits several lists them, most messages first."""
        with pytest.raises(ImportFailure) as caught:
            resolve("mir", PEOPLE, COUNTS)
        assert caught.value.hint.index("Mira Vale (user2, 70 messages)") < caught.value.hint.index("Mira (user1, 5")

    @pytest.mark.parametrize("wanted", ["Bob", "", " "])
    def test_unknown(self, wanted: str) -> None:
        """If nobody matches, the error lists everybody."""
        with pytest.raises(ImportFailure) as caught:
            resolve(wanted, PEOPLE, COUNTS)
        assert "Ann (user4, 0 messages)" in caught.value.hint

    def test_long_lists_are_cut(self) -> None:
        """A long list of candidates is cut and counted."""
        crowd = {f"user{i}": Person(f"user{i}", f"P{i}") for i in range(50)}
        with pytest.raises(ImportFailure) as caught:
            resolve("Bob", crowd, {})
        assert caught.value.hint.endswith("and 38 more")


class TestInfer:
    def test_disagreement_is_not_known(self) -> None:
        """The owner of two people's merged exports is unknown."""
        chats = [Chat("user2", "personal", "B"), Chat("user3", "personal", "C")]
        assert infer_owner(None, chats, {"user2": {"user1": 1, "user2": 1}, "user3": {"user9": 1}}) is None
        assert infer_owner(None, chats, {"user2": {"user1": 1, "user2": 1}}) == ("user1", "chat_partner")

    def test_order_of_evidence(self) -> None:
        """The account's own id takes precedence."""
        saved = [Chat("user5", "saved", "Saved")]
        assert infer_owner("user1", saved, {}) == ("user1", "personal_information")
        assert infer_owner(None, saved, {}) == ("user5", "saved_messages")
