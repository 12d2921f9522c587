"""The program from outside: help, exit codes, two-line errors, and one JSON document on stdout."""

import argparse
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatclone.cli.main import COMMANDS, main, module
from tests import exports

HEAVY = ("torch", "transformers", "textual", "faiss", "sentence_transformers", "llama_cpp", "peft", "trl", "datasets")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test."""
    monkeypatch.setenv("CHATCLONE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a command with --json and return its document."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


class TestHelp:
    """--help."""

    def test_light(self) -> None:
        """No --help imports a heavy package."""
        names = list(COMMANDS)
        script = (
            "import sys\nfrom chatclone.cli.main import main\n"
            f"for command in [[], *[[name] for name in {names!r}]]:\n"
            "    try: main([*command, '--help'])\n"
            "    except SystemExit as end: assert end.code == 0, command\n"
            f"print('HEAVY:', [m for m in {HEAVY!r} if m in sys.modules])\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "HEAVY: []"
        assert "Talk to a copy of yourself" in done.stdout

    def test_only_what_was_asked_for(self) -> None:
        """The list of commands imports none of them, and no renderer of templates."""
        script = (
            "import sys\nfrom chatclone.cli.main import COMMANDS, main\n"
            "try: main(['--help'])\n"
            "except SystemExit: pass\n"
            "loaded = [name for name in COMMANDS if f'chatclone.cli.{name}' in sys.modules]\n"
            "print('LOADED:', loaded, 'jinja2' in sys.modules, 'logging' in sys.modules)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "LOADED: [] False False"

    @pytest.mark.parametrize("name", COMMANDS)
    def test_the_list_says_what_each_command_says(self, name: str) -> None:
        """A command that is not imported is listed as the one that is."""
        parsers = argparse.ArgumentParser().add_subparsers()
        module(name).add(parsers, [])
        assert [(choice.dest, choice.help) for choice in parsers._get_subactions()] == [(name, COMMANDS[name])]

    def test_wrong_usage(self) -> None:
        """An unknown option is exit code 2."""
        with pytest.raises(SystemExit) as end:
            main(["import", "--nonsense"])
        assert end.value.code == 2


class TestErrors:
    """What the user can act on: two lines, exit code 1, no traceback."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ["import", "nowhere.json"],
            ["train"],
            ["chat", "--once", "hey"],
            ["export"],
            ["data", "report"],
            ["memory", "search", "cat"],
            ["forget", "--person", "Theo"],
            ["persona", "use", "nobody"],
            ["train", "--resume"],
        ],
    )
    def test_two_lines(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """Every command on an empty home says what is wrong and what to try."""
        assert main(arguments) == 1
        out, err = capsys.readouterr()
        lines = err.strip().splitlines()
        assert out == ""
        assert len(lines) == 2
        assert lines[0].startswith("error: ")
        assert lines[1].startswith("try: ")

    def test_unknown_setting(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A misspelt setting is answered with the nearest."""
        main(["import", str(exports.small_export(tmp_path))])
        capsys.readouterr()
        assert main(["train", "--base", "starter", "--set", "learning_rat=1", "--plan"]) == 1
        assert "try: did you mean learning_rate?" in capsys.readouterr().err

    def test_app_without_a_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The app needs a terminal and says what works without."""
        assert main([]) == 2
        assert "--plain" in capsys.readouterr().err


class TestLog:
    """The log file of a home."""

    @pytest.fixture
    def fresh_logging(self) -> Iterator[None]:
        """Take away the handlers that the test set up, and what pytest set up meanwhile comes back."""
        root = logging.getLogger()
        before, level = root.handlers[:], root.level
        root.handlers.clear()
        yield
        for handler in root.handlers:
            handler.close()
        root.handlers[:], root.level = before, level

    def test_kept(self, home: Path, fresh_logging: None) -> None:
        """Another command appends to the log of a running app, and a large log is set aside."""
        home.mkdir()
        log = home / "chatclone.log"
        log.write_text("of the app\n")
        assert main(["where"]) == 0
        assert log.read_text().startswith("of the app\n")
        log.write_text("x" * 1_000_001)
        logging.getLogger().handlers.clear()
        assert main(["where"]) == 0
        assert (home / "chatclone.log.1").stat().st_size == 1_000_001
        assert log.stat().st_size < 1_000


class TestImport:
    """`import`."""

    def test_json(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The document has the contract's keys, and stdout holds nothing else."""
        document = run_json(capsys, "import", str(exports.small_export(tmp_path)))
        assert list(document) == [
            "platform", "files", "chats", "owner", "persona", "messages", "replies", "sessions", "split", "memory",
            "repairs", "warnings", "seconds",
        ]  # fmt: skip
        assert document["chats"] == 1
        assert document["persona"] == {"id": "user111", "name": "Mira Halloran"}

    def test_text(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A person reads the waterfall and what to do next."""
        assert main(["import", str(exports.small_export(tmp_path))]) == 0
        out = capsys.readouterr().out
        assert "written in turns" in out
        assert "chatclone train" in out


class TestOnAPersona:
    """Commands on an imported persona."""

    @pytest.fixture(autouse=True)
    def imported(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Mira is imported."""
        main(["import", str(exports.small_export(tmp_path))])
        capsys.readouterr()

    def test_report(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`data report` shows the waterfall of the last import."""
        assert main(["data", "report"]) == 0
        assert "written in turns" in capsys.readouterr().out

    def test_data_export(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """`data export` writes lines of the chat format, system turns included, each trained reply once."""
        out = tmp_path / "out.jsonl"
        assert main(["data", "export", "--out", str(out)]) == 0
        lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        assert {line["meta"]["split"] for line in lines} == {"train", "eval"}
        assert all(line["messages"][0]["role"] == "system" for line in lines)
        assert "chatting with Theo Marsh" in lines[0]["messages"][0]["content"]

    def test_memory(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A search finds, show opens the surroundings, forget lasts, check is content."""
        document = run_json(capsys, "memory", "search", "violins")
        assert list(document) == ["query", "hits", "words", "ms"]
        hit = document["hits"][0]
        assert {"id", "when", "who", "text", "score", "chat"} <= hit.keys()
        assert "violins" in hit["text"]
        assert any(line["recalled"] for line in run_json(capsys, "memory", "show", str(hit["id"])))
        assert run_json(capsys, "memory", "forget", str(hit["id"]))["forgotten"] > 0
        assert run_json(capsys, "memory", "check")["problems"] == []
        assert run_json(capsys, "memory", "add", "the", "plumber", "comes", "friday")["id"] > 0
        assert "plumber" in run_json(capsys, "memory", "search", "plumber")["hits"][0]["text"]

    def test_personas(self, capsys: pytest.CaptureFixture[str]) -> None:
        """They are listed, shown and, after a yes, deleted."""
        assert [p["slug"] for p in run_json(capsys, "persona", "list")] == ["mira"]
        shown = run_json(capsys, "persona", "show")
        assert shown["name"] == "Mira Halloran"
        assert main(["persona", "show"]) == 0
        text = capsys.readouterr().out.splitlines()
        assert f"ids       telegram {shown['ids']['telegram']}" in text
        assert f"partners  {', '.join(shown['partners'])}" in text
        assert main(["persona", "delete", "mira"]) == 2
        capsys.readouterr()
        assert run_json(capsys, "persona", "delete", "mira", "--yes") == {"deleted": "mira"}
        assert run_json(capsys, "persona", "list") == []

    def test_where_and_doctor(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """`where` names the home; `doctor` has the contract's keys."""
        assert run_json(capsys, "where")["home"] == str(home)
        document = run_json(capsys, "doctor")
        assert list(document) == ["device", "memory_mb", "checks", "recommended"]
        assert all(list(check) == ["name", "ok", "detail", "fix"] for check in document["checks"])

    def test_options_on_either_side(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """--home stands before or after the command."""
        assert main(["--home", str(tmp_path / "x"), "where", "--json"]) == 0
        before = capsys.readouterr().out
        assert main(["where", "--json", "--home", str(tmp_path / "x")]) == 0
        assert capsys.readouterr().out == before
