"""Whose export it is and whom to clone is told, or asked, or an error; consent is asked for once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chatclone.errors import ChatcloneError
from chatclone.ingest.import_run import Ingested, Request, ingest
from chatclone.ingest.ownership import Candidate
from chatclone.personas import persona as personas
from importers.message import Person
from tests import exports


@dataclass
class Answers:
    """Somebody at a terminal who gives prepared answers."""

    who: str = ""
    agree: bool | None = None
    asked: list[object] = field(default_factory=list)

    def who_are_you(self, candidates: Sequence[Candidate]) -> Person | None:
        self.asked.append([(person.name, count) for person, count in candidates])
        return next((person for person, _ in candidates if person.id == self.who), None)

    def agreed(self, person: Person, *, owner_known: bool) -> bool | None:
        self.asked.append((person.name, owner_known))
        return self.agree


def do(path: Path, home: Path, answers: Answers, slug: str | None = None, **options: Any) -> Ingested:
    return ingest(Request([path], **options), home, slug, asking=answers)


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """An export of a group, which does not tell whose it is."""
    return exports.write(tmp_path, {**exports.chat(exports.conversation()), "type": "private_group", "id": 9})


class TestOwner:
    def test_asked(self, tmp_path: Path, group: Path) -> None:
        """Where it cannot be known the person is asked, with names and counts, and the answer is kept."""
        answers = Answers(who="user111")
        done = do(group, tmp_path / "home", answers)
        assert answers.asked == [[("Mira Halloran", 60), ("Theo Marsh", 60)]]
        assert done.document["owner"] == {"id": "user111", "name": "Mira Halloran", "how": "you said so"}
        again = do(group, tmp_path / "home", answers)
        assert len(answers.asked) == 1
        assert again.document["owner"]["how"] == "as at the last import"

    def test_nobody_to_ask(self, tmp_path: Path, group: Path) -> None:
        """Without an answer it is an error that lists the candidates."""
        with pytest.raises(ChatcloneError, match="does not say who you are") as error:
            do(group, tmp_path / "home", Answers())
        assert "Mira Halloran (user111, 60 messages), Theo Marsh (user222, 60 messages)" in error.value.hint

    def test_asked_once_though_tried_twice(self, tmp_path: Path, group: Path) -> None:
        """An import that does not fit the current persona becomes a new one without asking again."""
        home, answers = tmp_path / "home", Answers(who="user222")
        do(exports.small_export(tmp_path / "account"), home, answers)
        others = group.read_text("utf-8").replace("user111", "user333").replace("Mira Halloran", "Bo Berg")
        group.write_text(others, "utf-8")
        done = do(group, home, answers)
        assert done.persona is not None
        assert done.persona.name == "Theo Marsh"
        assert len(answers.asked) == 1

    def test_channels_are_nobody(self, tmp_path: Path) -> None:
        """A channel that posts in a group is not offered."""
        posts = [exports.message(500 + n, 9, f"news {n}", from_id="channel9") for n in range(3)]
        export = {**exports.chat([*exports.conversation(), *posts]), "type": "private_supergroup", "id": 8}
        answers = Answers(who="user111")
        do(exports.write(tmp_path, export), tmp_path / "home", answers)
        assert "Person 9" not in str(answers.asked)

    @pytest.mark.parametrize(("me", "how"), [("user111", "named by --me"), ("mira", "named by --me")])
    def test_named(self, tmp_path: Path, group: Path, me: str, how: str) -> None:
        """An option answers without asking."""
        done = do(group, tmp_path / "home", Answers(), me=me)
        assert done.document["owner"]["how"] == how


class TestPartners:
    def test_of_somebody_else(self, tmp_path: Path) -> None:
        """Who is cloned out of another's export wrote with its owner, and neither with themself nor with strangers."""
        bo = {**exports.chat([exports.message(900 + n, 333, f"{n}?") for n in range(9)]), "id": 333, "name": "Bo"}
        ann = [exports.message(800 + n, (111, 444)[n % 2], f"so much about {n}") for n in range(40)]
        group = {**exports.chat(ann), "type": "private_group", "id": 9, "name": "Climbing"}
        path = exports.write(tmp_path, exports.account(exports.chat(exports.conversation()), bo, group))
        for named, partners in (("user111", ("Theo Marsh",)), ("user222", ("Mira Halloran",)), ("user444", ())):
            done = do(path, tmp_path / named, Answers(agree=True), clone_of=named)
            assert done.persona is not None
            assert done.persona.partners == partners


class TestConsent:
    def test_recorded_and_asked_once(self, tmp_path: Path) -> None:
        """What was confirmed is written down with its date, and not asked again."""
        home, path, answers = tmp_path / "home", exports.small_export(tmp_path), Answers(agree=True)
        done = do(path, home, answers, clone_of="user222")
        assert done.persona is not None
        assert done.persona.consent == f"Theo Marsh agreed to be cloned, confirmed {datetime.now(UTC):%Y-%m-%d}"
        assert answers.asked == [("Theo Marsh", True)]
        again = do(path, home, answers, clone_of="user222")
        assert again.persona == personas.load(done.persona.folder)
        assert len(answers.asked) == 1

    def test_who_agreed_is_not_the_owner(self, tmp_path: Path, group: Path) -> None:
        """The next import goes on with the clone of somebody else, and does not take the reader for them."""
        home, answers = tmp_path / "home", Answers(agree=True)
        do(group, home, answers, clone_of="user222")
        again = do(group, home, answers).document
        assert (again["owner"], again["persona"]["name"]) == (None, "Theo Marsh")

    def test_way_back_into_it(self, tmp_path: Path) -> None:
        """An export of the owner is not of the clone, and the refusal says how it goes into it all the same."""
        home, path = tmp_path / "home", exports.small_export(tmp_path)
        do(path, home, Answers(agree=True), "theo", clone_of="user222")
        with pytest.raises(ChatcloneError, match=r"this export is of Mira Halloran .*, not of Theo Marsh") as error:
            do(path, home, Answers(), "theo")
        assert "--as user222" in error.value.hint

    def test_refused(self, tmp_path: Path) -> None:
        """Who did not agree is not cloned, and nothing is left behind."""
        with pytest.raises(ChatcloneError, match="did not agree"):
            do(exports.small_export(tmp_path), tmp_path / "home", Answers(agree=False), clone_of="user222")
        assert personas.list_all(tmp_path / "home") == []

    def test_unanswered(self, tmp_path: Path) -> None:
        """Where nobody can be asked the import goes on with a warning, and the next one asks."""
        home, path = tmp_path / "home", exports.small_export(tmp_path)
        done = do(path, home, Answers(), clone_of="user222")
        assert any("nobody confirmed that Theo Marsh agreed" in warning for warning in done.document["warnings"])
        assert done.persona is not None
        assert not done.persona.consent
        answers = Answers(agree=True)
        do(path, home, answers, clone_of="user222")
        assert answers.asked

    def test_who_never_agreed_is_not_the_owner_either(self, group: Path, tmp_path: Path) -> None:
        """A clone that nobody confirmed is nobody's own: the next import says so again, until somebody confirms it."""
        home = tmp_path / "home"
        do(group, home, Answers(), clone_of="user222")
        again = do(group, home, Answers()).document
        assert (again["owner"], again["persona"]["name"]) == (None, "Theo Marsh")
        assert any("nobody confirmed that Theo Marsh agreed" in warning for warning in again["warnings"])
        third = do(group, home, answers := Answers(agree=True))
        assert answers.asked == [("Theo Marsh", False)]
        assert third.persona is not None
        assert third.persona.consent.startswith("Theo Marsh agreed")

    def test_oneself_by_another_word(self, tmp_path: Path, group: Path) -> None:
        """Whose own clone it is may name themself with `--as` too, and stays its owner."""
        home, answers = tmp_path / "home", Answers(who="user111")
        do(group, home, answers)
        for named in ({"clone_of": "user111"}, {}):
            again = do(group, home, answers, **named).document
            assert again["owner"]["how"] == "as at the last import"
        for damage in ("{", '["import"]', '{"import": {}}', '{"import": 2}'):
            (tmp_path / "home" / "personas" / "mira" / "dataset" / "report.json").write_text(damage, "utf-8")
            assert do(group, home, answers).document["owner"]["how"] == "as at the last import"
        assert len(answers.asked) == 1

    def test_oneself(self, tmp_path: Path) -> None:
        """Nobody is asked about themself, nor in a dry run."""
        answers = Answers()
        do(exports.small_export(tmp_path), tmp_path / "home", answers, clone_of="Mira Halloran")
        do(exports.small_export(tmp_path), tmp_path / "dry", answers, clone_of="user222", dry_run=True)
        assert answers.asked == []
