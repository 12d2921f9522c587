"""`chatclone import`: says whose export it was, asks at a terminal only, and tells when nothing is new."""

import argparse
import io
import json
import shutil
from pathlib import Path

import pytest

from chatclone.cli.import_ import percent
from chatclone.cli.main import main
from chatclone.personas import persona as personas
from tests import exports
from tests.importers.making_html import write_html


class Keyboard(io.StringIO):
    """A terminal's input with what will be typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """An export of a group, which does not tell whose it is."""
    return exports.write(tmp_path, {**exports.chat(exports.conversation()), "type": "private_group", "id": 9})


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Put a terminal where these lines will be typed."""
    monkeypatch.setattr("sys.stdin", Keyboard("".join(f"{line}\n" for line in lines)))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)


class TestWords:
    def test_whose_and_how(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Whose export it is stands first, and how that is known."""
        assert main(["import", str(exports.small_export(tmp_path)), "--home", str(tmp_path / "home")]) == 0
        assert capsys.readouterr().out.startswith("You are Mira Halloran (user111): the export says so.\n")

    def test_nothing_new(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The same file again says so in words, and in the document."""
        command = ["import", str(exports.small_export(tmp_path)), "--home", str(tmp_path / "home")]
        assert main([*command, "--json"]) == 0
        first = json.loads(capsys.readouterr().out)["messages"]
        assert main(command) == 0
        assert "Nothing new: all 120 messages were imported before" in capsys.readouterr().out
        assert main([*command, "--json"]) == 0
        again = json.loads(capsys.readouterr().out)["messages"]
        assert (first["new"], first["duplicates"]) == (120, 0)
        assert (again["new"], again["duplicates"], again["kept"]) == (0, 120, 0)

    def test_some_new(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A later export tells what came with it."""
        home = ["--home", str(tmp_path / "home")]
        main(["import", str(exports.small_export(tmp_path, 40)), *home])
        capsys.readouterr()
        main(["import", str(exports.small_export(tmp_path, 60)), *home])
        assert "40 new messages; 80 were there before." in capsys.readouterr().out


class TestPlaces:
    def test_zip_of_pages(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A zip of an HTML export becomes a persona like any other, and says what HTML cannot tell."""
        document = exports.account(exports.chat(exports.conversation()))
        folder = write_html(tmp_path / "ChatExport", document, page=50)
        packed = shutil.make_archive(str(tmp_path / "export"), "zip", folder)
        home = tmp_path / "home"
        assert main(["import", packed, "--home", str(home), "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert made["messages"]["kept"] == 120
        assert made["owner"] == {"id": "name:Mira Halloran", "name": "Mira Halloran", "how": "personal_information"}
        assert any("HTML exports hold no ids" in warning for warning in made["warnings"])
        assert [p.slug for p in personas.list_all(home)] == ["mira"]

    def test_own_only(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Of a group that was exported without the others nothing is learnt, and it is named."""
        mine = [exports.message(n, exports.OWNER, f"as I said {n}") for n in range(1, 31)]
        choir = {"name": "Choir", "type": "private_group", "id": 9, "messages": mine}
        path = exports.write(tmp_path, exports.account(exports.chat(exports.conversation(20)), choir))
        assert main(["import", str(path), "--home", str(tmp_path / "home"), "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert any(warning.startswith("Choir: only one person's messages") for warning in made["warnings"])
        assert made["replies"]["untrained"]["no_context"] >= 5
        lines = "".join(p.read_text("utf-8") for p in (tmp_path / "home").rglob("*.jsonl")).splitlines()
        weights = [
            m["weight"] for line in map(json.loads, lines) for m in line["messages"] if "as I said" in m["content"]
        ]
        assert not any(weights)


class TestAsked:
    @pytest.mark.parametrize("answers", [("1",), ("nobody", "99", "mira")])
    def test_who(
        self,
        tmp_path: Path,
        group: Path,
        answers: tuple[str, ...],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A terminal is asked who they are, by number or name, until the answer fits."""
        typed(monkeypatch, *answers)
        assert main(["import", str(group), "--home", str(tmp_path / "home")]) == 0
        out, err = capsys.readouterr()
        assert "1  Mira Halloran  (60 messages, user111)" in err
        assert "You are Mira Halloran (user111): you said so." in out

    def test_no_answer(
        self, tmp_path: Path, group: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An empty line is no answer, and ends in the error that lists everybody."""
        typed(monkeypatch, "")
        assert main(["import", str(group), "--home", str(tmp_path / "home")]) == 1
        assert "error: the export does not say who you are" in capsys.readouterr().err

    def test_no_terminal(self, tmp_path: Path, group: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a terminal nobody waits: two lines, with the candidates."""
        assert main(["import", str(group), "--home", str(tmp_path / "home"), "--json"]) == 1
        out, err = capsys.readouterr()
        assert json.loads(out).keys() == {"error", "try"}
        error, hint = err.strip().splitlines()[-2:]
        assert error == "error: the export does not say who you are"
        assert hint.startswith("try: use --me or --as with one of: Mira Halloran (user111, 60 messages)")

    @pytest.mark.parametrize("option", ["--me", "--as"])
    def test_nobody(self, tmp_path: Path, group: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
        """An empty name, as of a variable that is not set, is not taken for none."""
        assert main(["import", str(group), "--home", str(tmp_path / "home"), option, ""]) == 2
        assert capsys.readouterr().err.startswith("error: --me and --as need a name")


class TestAgreement:
    @pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
    def test_terminal(
        self,
        tmp_path: Path,
        answer: str,
        code: int,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Somebody else is cloned when a yes was typed, and not otherwise."""
        typed(monkeypatch, answer)
        home = tmp_path / "home"
        assert main(["import", str(exports.small_export(tmp_path)), "--as", "Theo Marsh", "--home", str(home)]) == code
        assert "Theo Marsh is not the owner of this export. Did they agree" in capsys.readouterr().err
        assert len(personas.list_all(home)) == (code == 0)

    @pytest.mark.parametrize("agreed", [True, False])
    def test_no_terminal(self, tmp_path: Path, agreed: bool, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a terminal an option says so; without it a warning says that nobody did."""
        home = tmp_path / "home"
        command = ["import", str(exports.small_export(tmp_path)), "--as", "user222", "--home", str(home), "--json"]
        assert main([*command, "--they-agreed"] if agreed else command) == 0
        document = json.loads(capsys.readouterr().out)
        assert any("nobody confirmed" in warning for warning in document["warnings"]) == (not agreed)
        (persona,) = personas.list_all(home)
        assert persona.consent.startswith("Theo Marsh agreed") == agreed


class TestChatShare:
    @pytest.mark.parametrize(("typed", "share"), [("40", 0.4), ("12.5%", 0.125), ("100", 1.0)])
    def test_percent(self, typed: str, share: float) -> None:
        """A share is typed in percent."""
        assert percent(typed) == share

    @pytest.mark.parametrize("typed", ["0", "101", "-3", "nan", "inf"])
    def test_no_share(self, typed: str) -> None:
        """A share that is not a percentage is a usage error."""
        with pytest.raises(argparse.ArgumentTypeError, match="between 1 and 100 percent"):
            percent(typed)

    def test_kept_for_the_next_time(self, tmp_path: Path) -> None:
        """What was asked for is written down with the data set, which forgetting makes again."""
        home = tmp_path / "home"
        assert main(["import", str(exports.small_export(tmp_path)), "--home", str(home), "--chat-share", "40"]) == 0
        (report,) = home.rglob("report.json")
        assert json.loads(report.read_text("utf-8"))["options"]["chat_share"] == 0.4
