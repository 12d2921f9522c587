"""Importing: archive, data set and memory in step, or nothing changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatclone import config
from chatclone.errors import ChatcloneError
from chatclone.ingest.import_run import Ingested, Request, ingest
from chatclone.ingest.removal import forget
from chatclone.personas import persona as personas
from chatclone.storage.locks import ProcessMark
from memory.memory import Memory
from tests import exports
from tests.importers.making_html import write_html


def do(path: Path, home: Path, slug: str | None = None, **options: Any) -> Ingested:
    return ingest(Request([path], **options), home, slug)


def everything_in(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


def assert_sums_hold(document: dict[str, Any]) -> None:
    messages, replies, split = document["messages"], document["replies"], document["split"]
    assert messages["read"] == messages["duplicates"] + sum(messages["dropped"].values()) + messages["kept"]
    assert replies["total"] == replies["trained"] + sum(replies["untrained"].values())
    assert replies["trained"] == split["train"] + split["eval"]


class TestNewPersona:
    """The first import."""

    def test_all_is_there(self, tmp_path: Path) -> None:
        """A persona with archive, data set and memory stands, and is the current one."""
        home = tmp_path / "home"
        done = do(exports.small_export(tmp_path), home)
        assert done.persona is not None
        assert (done.persona.slug, done.persona.name) == ("mira", "Mira Halloran")
        assert done.persona.partners == ("Theo Marsh",)
        assert config.load(home).current == "mira"
        assert done.document["messages"]["kept"] == 120
        assert done.document["owner"]["how"] == "personal_information"
        assert_sums_hold(done.document)
        with Memory.open(done.persona.memory_file) as memory:
            assert memory.count() == done.document["memory"]["passages"] > 0
            assert memory.check() == []
            assert "geese" in memory.recall("what about geese?").hits[0].text

    def test_a_call_is_not_what_somebody_is_called(self, tmp_path: Path) -> None:
        """A message of media alone has no words to remember; one with a caption has."""
        voice = {"file": "v.ogg", "media_type": "voice_message", "duration_seconds": 12}
        said = [
            *exports.conversation(),
            exports.message(900, exports.PARTNER, "", **voice),
            exports.message(901, exports.PARTNER, "my voice for violas", **voice),
        ]
        done = do(exports.write(tmp_path, exports.account(exports.chat(said))), tmp_path / "home")
        assert done.persona is not None
        with Memory.open(done.persona.memory_file) as memory:
            texts = [hit.text for hit in memory.recall("a voice?").hits]
        assert len(texts) == 1
        assert texts[0].endswith("[voice 0:12] my voice for violas")

    def test_every_reply_is_trained_once(self, tmp_path: Path) -> None:
        """The replies of weight 1 in both files are as many as the document says."""
        done = do(exports.small_export(tmp_path), tmp_path / "home")
        assert done.persona is not None
        for name in ("train", "eval"):
            lines = (done.persona.dataset_folder / f"{name}.jsonl").read_text("utf-8").splitlines()
            turns = [m for line in lines for m in json.loads(line)["messages"]]
            trained = [m["content"] for m in turns if m.get("weight") == 1]
            assert len(trained) == done.document["split"][name]
            assert len(set(trained)) == len(trained)

    def test_private(self, tmp_path: Path) -> None:
        """Nobody else may read what people wrote."""
        home = tmp_path / "home"
        do(exports.small_export(tmp_path), home)
        assert [p for p in everything_in(home) if p.stat().st_mode & 0o077] == []

    def test_dry_run(self, tmp_path: Path) -> None:
        """A dry run reports the same and leaves no file."""
        home = tmp_path / "home"
        path = exports.small_export(tmp_path)
        dry = do(path, home, dry_run=True)
        assert dry.persona is None
        assert everything_in(home) == []
        assert do(path, home).document["replies"] == dry.document["replies"]


class TestAgain:
    """Later imports."""

    def test_twice_changes_nothing(self, tmp_path: Path) -> None:
        """The same file again is all duplicates, and the data set stays as it was."""
        home, path = tmp_path / "home", exports.small_export(tmp_path)
        first = do(path, home)
        assert first.persona is not None
        before = (first.persona.dataset_folder / "train.jsonl").read_bytes()
        again = do(path, home)
        assert again.document["messages"]["new"] == again.document["messages"]["kept"] == 0
        assert again.document["messages"]["duplicates"] == 120
        assert again.document["memory"] == first.document["memory"]
        assert_sums_hold(again.document)
        assert (first.persona.dataset_folder / "train.jsonl").read_bytes() == before

    def test_more(self, tmp_path: Path) -> None:
        """A later export adds what is new to the same persona."""
        home = tmp_path / "home"
        do(exports.small_export(tmp_path, 40), home)
        later = do(exports.small_export(tmp_path, 60), home)
        assert later.document["messages"]["new"] == 40
        assert [p.slug for p in personas.list_all(home)] == ["mira"]

    def test_somebody_else(self, tmp_path: Path) -> None:
        """An export of another person becomes another persona, never a part of this one."""
        home = tmp_path / "home"
        path = exports.small_export(tmp_path)
        do(path, home)
        theo = do(path, home, clone_of="Theo Marsh")
        assert theo.persona is not None
        assert (theo.persona.slug, theo.persona.consent) == ("theo", "")
        assert {p.slug for p in personas.list_all(home)} == {"mira", "theo"}

    def test_back_to_the_first(self, tmp_path: Path) -> None:
        """An export of a persona that is not the current one finds it, and there are no two of one person."""
        home, path = tmp_path / "home", exports.small_export(tmp_path)
        mira = do(path, home)
        do(path, home, clone_of="Theo Marsh")
        dry = do(path, home, dry_run=True)
        assert dry.document["messages"]["new"] == 0
        assert config.load(home).current == "theo"
        again = do(path, home)
        assert again.persona == mira.persona
        assert again.document["messages"]["new"] == 0
        assert {p.slug for p in personas.list_all(home)} == {"mira", "theo"}
        assert config.load(home).current == "mira"

    def test_two_accounts(self, tmp_path: Path) -> None:
        """Exports of two accounts in one import are told of: both number their messages, each by itself."""
        other = exports.account(exports.chat(exports.conversation()))
        other["personal_information"] |= {"user_id": 999}
        paths = [exports.small_export(tmp_path), exports.write(tmp_path, other, "other.json")]
        done = ingest(Request(paths), tmp_path / "home")
        (warning,) = [warning for warning in done.document["warnings"] if "two accounts" in warning]
        assert "Mira Halloran (user111) and Mira Halloran (user999)" in warning
        write_html(tmp_path / "html", exports.account(exports.chat(exports.conversation())))
        one = ingest(Request([paths[0], tmp_path / "html"]), tmp_path / "one")
        assert not any("two accounts" in warning for warning in one.document["warnings"])

    def test_namesakes(self, tmp_path: Path) -> None:
        """Of two people with one name the refusal tells which is which."""
        home = tmp_path / "home"
        do(exports.small_export(tmp_path), home)
        other = exports.account(exports.chat(exports.conversation()))
        other["personal_information"] |= {"user_id": 999}
        with pytest.raises(ChatcloneError, match=r"is of Mira Halloran \(user999\), not of Mira Halloran \(user111\)"):
            ingest(Request([exports.write(tmp_path, other)]), home, "mira")

    def test_chats_by_any_case(self, tmp_path: Path) -> None:
        """A chat may be named as people type, and stays chosen when another is forgotten."""
        done = do(exports.small_export(tmp_path), tmp_path / "home", chats=["tHEO"])
        assert done.document["chats"] == 1
        assert done.persona is not None
        assert forget(done.persona, person="Theo Marsh")["replies"]["total"] == 0
        report = json.loads((done.persona.dataset_folder / "report.json").read_text("utf-8"))
        assert report["options"]["chats"] == ["(forgotten)"]

    def test_a_chat_without_the_person(self, tmp_path: Path) -> None:
        """A group in which the current persona never wrote is not quietly added to it."""
        home = tmp_path / "home"
        do(exports.small_export(tmp_path), home)
        strangers = [exports.message(n, 300 + n % 2, f"line {n}") for n in range(10)]
        group = {**exports.chat(strangers), "type": "private_group", "id": 9}
        with pytest.raises(ChatcloneError, match="who you are") as error:
            do(exports.write(tmp_path, group), home)
        assert "Person 300" in error.value.hint
        assert "Theo" not in error.value.hint

    def test_named_persona_of_another_person(self, tmp_path: Path) -> None:
        """Into a persona that is named, another person's export is refused."""
        home, path = tmp_path / "home", exports.small_export(tmp_path)
        do(path, home)
        with pytest.raises(ChatcloneError, match=r"this export is of Theo Marsh .*, not of Mira"):
            do(path, home, slug="mira", clone_of="Theo Marsh")


class TestWrongInput:
    """What cannot be imported says why and leaves nothing behind."""

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            ("", "empty"),
            ("not json at all", "JSON"),
            ('{"a": 1}', "export"),
            (json.dumps(exports.chat([])), "no messages"),
            (json.dumps({**exports.chat(exports.conversation(3)), "type": "private_group"}), "who you are"),
        ],
    )
    def test_unusable_file(self, tmp_path: Path, content: str, what: str) -> None:
        """An empty file, something else, a JSON that is no export, an export without messages."""
        path = tmp_path / "result.json"
        path.write_text(content, "utf-8")
        with pytest.raises(ChatcloneError, match=f"(?i){what}") as error:
            do(path, tmp_path / "home")
        assert error.value.hint
        assert everything_in(tmp_path / "home") == []

    def test_missing(self, tmp_path: Path) -> None:
        """A path that is not there."""
        with pytest.raises(ChatcloneError, match=r"nowhere\.json"):
            do(tmp_path / "nowhere.json", tmp_path / "home")
        assert everything_in(tmp_path / "home") == []

    def test_no_reply(self, tmp_path: Path) -> None:
        """A chat in which the person never answers anybody."""
        alone = exports.chat([exports.message(n, exports.OWNER, f"note {n}") for n in range(5)])
        with pytest.raises(
            ChatcloneError,
            match="nothing to learn from: none of 5 messages by Mira Halloran answers somebody",
        ):
            do(exports.write(tmp_path, exports.account(alone)), tmp_path / "home")
        assert everything_in(tmp_path / "home") == []

    def test_all_forgotten(self, tmp_path: Path) -> None:
        """Where everything in an export was forgotten that is said, and not that its chats are one-sided."""
        home, path = tmp_path / "home", exports.small_export(tmp_path)
        done = do(path, home)
        assert done.persona is not None
        forget(done.persona, chat="Theo")
        with pytest.raises(
            ChatcloneError, match=r"all 120 messages of this export were forgotten, and stay out"
        ) as error:
            do(path, home)
        assert "other chats" in error.value.hint

    def test_failure_keeps_what_was(self, tmp_path: Path) -> None:
        """A broken second file leaves the persona of the first as it was."""
        home = tmp_path / "home"
        done = do(exports.small_export(tmp_path), home)
        assert done.persona is not None
        before = {p: p.read_bytes() for p in everything_in(done.persona.dataset_folder)}
        broken = tmp_path / "broken.json"
        broken.write_text("{", "utf-8")
        with pytest.raises(ChatcloneError):
            ingest(Request([exports.small_export(tmp_path, 70), broken]), home)
        assert {p: p.read_bytes() for p in everything_in(done.persona.dataset_folder)} == before
        assert do(exports.small_export(tmp_path, 60), home).document["messages"]["duplicates"] == 120

    def test_remains_of_the_killed(self, tmp_path: Path) -> None:
        """What an import left that was killed is removed by the next one; what another is building is not."""
        folder = tmp_path / "home" / "personas"
        dead = folder / ".new-1795292942612797027"
        dead.mkdir(parents=True)
        (dead / "archive.sqlite").write_text("words of people", "utf-8")
        mark = ProcessMark(folder / ".new")
        (folder / f".new-{mark.name}").mkdir()
        do(exports.small_export(tmp_path), tmp_path / "home")
        left = {path.name for path in folder.iterdir()}
        assert left == {"mira", f".new-{mark.name}", f".new-{mark.name}.running"}
        mark.remove()

    def test_unknown_chat(self, tmp_path: Path) -> None:
        """A chat that is not there is answered with those that are."""
        with pytest.raises(ChatcloneError) as error:
            do(exports.small_export(tmp_path), tmp_path / "home", chats=["Nobody"])
        assert "Theo" in error.value.hint
