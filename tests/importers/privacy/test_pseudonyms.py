"""Other people's names become invented ones: the same for the same person, and nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.message import Chat, Person, Span
from importers.privacy.pseudonyms import Pseudonyms
from importers.privacy.redaction import Redactor
from tests.importers.making import conversation, data_set, message

NAMES = {
    "me": "Mira Vale", "theo": "Theo Marsh", "masha": "Маша Иванова", "minsu": "김민수", "will": "Will Smith",
    "ali": "Ali Karimov", "name:Ann": "Ann",
}  # fmt: skip
PEOPLE = {person: Person(person, name) for person, name in NAMES.items()}
NOBODY = Pseudonyms(PEOPLE, "me")


def shown(text: str, *spans: Span, place: str = "theo") -> str:
    veiled, at = "", 0
    for start, end, name in NOBODY.find(message(1, text=text, spans=spans, place=place)):
        veiled += text[at:start] + f"<{name}>"
        at = end
    return veiled + text[at:]


def of(person: str) -> str:
    return f"<{NOBODY.of(person)}>"


class TestNames:
    def test_stable(self) -> None:
        """The same person has the same pseudonym whoever else there is and in whatever order they come."""
        fewer = {p: PEOPLE[p] for p in ("masha", "theo", "me")}
        assert all(Pseudonyms(fewer, "me").of(p) == NOBODY.of(p) for p in fewer)

    def test_of_this_persona(self) -> None:
        """Another persona's data set calls the same person by another name: the two cannot be laid together."""
        assert Pseudonyms(PEOPLE, "ali").of("theo") != NOBODY.of("theo")

    def test_the_persona_keeps_their_name(self) -> None:
        """The clone is called what the person is called."""
        assert NOBODY.of("me") == "Mira Vale"
        assert shown("Mira, @mira_v, Мира") == "Mira, @mira_v, Мира"

    def test_in_the_script_of_the_name(self) -> None:
        """A Cyrillic name becomes a Cyrillic one, a Korean one a Korean one."""
        assert "а" <= NOBODY.of("masha")[-1] <= "я"
        assert "가" <= NOBODY.of("minsu")[0] <= "힣"
        assert NOBODY.of("theo").isascii()

    def test_chats(self) -> None:
        """A personal chat is called like its partner, a group loses the names in its title."""
        assert NOBODY.of_chat(Chat("theo", "personal", "Theo")) == NOBODY.of("theo")
        assert NOBODY.of_chat(Chat("g", "group", "Theo and Ali's flat")) == (
            f"{NOBODY.of('theo')} and {NOBODY.of('ali')}'s flat"
        )

    @given(st.lists(st.text(min_size=1), min_size=1, max_size=40, unique=True))
    def test_no_two_are_called_the_same(self, ids: list[str]) -> None:
        """Different people have different pseudonyms."""
        people = {person: Person(person, person) for person in ids}
        names = Pseudonyms(people, "nobody here")
        assert len({names.of(person) for person in ids}) == len(ids)


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "person", "left"),
        [
            ("hey Theo Marsh!", "theo", "hey {}!"),
            ("that is theo's mom", "theo", "that is {}'s mom"),
            ("Маше скажи", "masha", "{} скажи"),
            ("с машей", "masha", "с {}"),
            ("민수야 뭐해", "minsu", "{}야 뭐해"),
            ("김민수한테 물어봐", "minsu", "{}한테 물어봐"),
            ("Aliga ayt", "ali", "{}ga ayt"),
            ("ask Will", "will", "ask {}"),
        ],
    )
    def test_named(self, text: str, person: str, left: str) -> None:
        """Names are found as languages write them, with the endings they put behind."""
        assert shown(text) == left.format(of(person))

    @pytest.mark.parametrize("text", ["i will go", "машина", "theory", "민수기", "alien", "the marshes"])
    def test_not_named(self, text: str) -> None:
        """Words that begin like a name, or are one by chance, stay."""
        assert shown(text) == text

    def test_mentions(self) -> None:
        """A username has a pseudonym of its own; a mention by name has its person's."""
        first, second = shown("@theo_m hi"), shown("hi @THEO_M")
        assert first.split()[0] == second.split()[1] != "@theo_m"
        assert shown("Марья привет", Span("mention", 0, 5)) != "Марья привет"
        assert shown("Theo hi", Span("mention", 0, 4)) == f"{of('theo')} hi"


class TestDataSet:
    def test_everywhere(self) -> None:
        """No name of another person stands in any line: not before a turn, not in it, not beside it."""
        said = conversation(
            ("ann", "Mira, did bob write? @bob_z"), ("bob", "Ann, call +7 999 123-45-67"), ("me", "Bob did, ann")
        )
        names = Pseudonyms({p: Person(p, n) for p, n in {"me": "Mira", "ann": "Ann", "bob": "Bob"}.items()}, "me")
        result = data_set(said, "group", redactor=Redactor(), pseudonyms=names)
        (line,) = [example.line() for example in result.train]
        written = str(line).casefold()
        assert "ann" not in written
        assert "bob" not in written
        assert "[phone-1]" in written
        assert f"{names.of('ann')}: Mira, did {names.of('bob')} write?" in line["messages"][0]["content"]
        assert line["meta"]["partner"] == f"{names.of('ann')}, {names.of('bob')}"
