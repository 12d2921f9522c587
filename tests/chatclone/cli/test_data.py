"""`chatclone data`: the report as text and as a page, the audit, samples, and pseudonyms all the way."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chatclone.cli.main import main
from chatclone.prompt.memory_block import MEMORY_CLOSE, MEMORY_OPEN
from chatclone.prompt.render import IGNORED
from chatclone.training.setting_bounds import DEFAULT_PRESET, preset
from tests import exports

SECRET = "call +7 999 123-45-67"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test."""
    monkeypatch.setenv("CHATCLONE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def imported(tmp_path: Path, *options: str) -> None:
    """Import a small export in which Mira also gives a phone number, and opens a talk that nobody had begun."""
    messages = exports.conversation()
    opening = exports.message(600, exports.OWNER, "who has seen my umbrella today")
    asked = exports.message(606, exports.PARTNER, "your number please?")
    given = exports.message(607, exports.OWNER, SECRET)
    main(
        [
            "import",
            str(exports.write(tmp_path, exports.account(exports.chat([*messages, opening, asked, given])))),
            *options,
        ]
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["data", *arguments]) == 0
    return capsys.readouterr().out


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(run(capsys, *arguments, "--json"))


class TestReport:
    def test_text(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The waterfall shows examples; personal data is counted and not printed."""
        imported(tmp_path)
        out = run(capsys, "report")
        assert "│ who has seen my umbrella today" in out
        assert "Redacted: phone 1" in out
        assert "999" not in out
        assert run(capsys) == out

    @pytest.mark.parametrize("damage", ["", "{}", '{"data": {"filter": 1}, "import": 2}', '["data"]'])
    def test_damaged(self, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
        """A report that cannot be read is an error of two lines, which says what to do."""
        imported(tmp_path)
        (path,) = home.glob("personas/*/dataset/report.json")
        path.write_text(damage, "utf-8")
        capsys.readouterr()
        assert main(["data", "report"]) == 1
        error, hint = capsys.readouterr().err.strip().splitlines()
        assert error.startswith(f"error: cannot read the report of the data set, {path}: ")
        assert hint == "try: import again: chatclone import"

    def test_page(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The page is written whole, for this user only."""
        imported(tmp_path)
        out = tmp_path / "report.html"
        document = run_json(capsys, "report", "--html", str(out))
        assert document["html"] == str(out)
        assert document["data"]["redacted"] == {"phone": 1}
        page = out.read_text("utf-8")
        assert page.startswith("<!doctype html>")
        assert "What Mira Halloran is made of" in page
        assert "who has seen my umbrella today" in page
        assert "999" not in page
        assert out.stat().st_mode & 0o077 == 0

    def test_nowhere(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A page that cannot be written is an error of two lines."""
        imported(tmp_path)
        capsys.readouterr()
        assert main(["data", "report", "--html", str(tmp_path / "no" / "report.html")]) == 1
        assert main(["data", "export", "--out", str(tmp_path / "no" / "out.jsonl")]) == 1
        lines = capsys.readouterr().err.strip().splitlines()
        assert [line.partition(":")[0] for line in lines] == ["error", "try"] * 2


class TestAudit:
    def test_of_the_persona(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a file the persona's own data set is looked at: both parts."""
        imported(tmp_path)
        files = run_json(capsys, "audit")["files"]
        assert [Path(file["file"]).name for file in files] == ["train.jsonl", "eval.jsonl"]
        assert sum(file["pairs"] for file in files) == run_json(capsys)["data"]["replies"]["trained"]
        assert all(file["broken"] == 0 for file in files)

    def test_of_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Any file of pairs can be looked at, with no persona there."""
        path = tmp_path / "rows.jsonl"
        path.write_text('{"instruction": "q", "input": 1.5, "output": "a"}\n', "utf-8")
        out = run(capsys, "audit", str(path))
        assert "✗ 1 × a field that is not text" in out
        assert "input is a number" in out

    def test_no_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A file that is not there is an error of two lines."""
        assert main(["data", "audit", str(tmp_path / "nowhere.csv")]) == 1
        assert capsys.readouterr().err.startswith("error: there is no file")


class TestSample:
    def test_marked(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The trained part stands between marks, whole, and is what the labels say."""
        pytest.importorskip("transformers", reason="transformers is not installed")
        imported(tmp_path)
        samples = run_json(capsys, "sample", "--count", "5", "--seed", "2")
        assert len(samples) == 5
        for sample in samples:
            assert sample["text"].count("⟦") == sample["text"].count("⟧") > 0
            assert "�" not in sample["text"]
            assert len(sample["input_ids"]) == len(sample["labels"])
            assert any(label != IGNORED for label in sample["labels"])
        trained = [part.partition("⟧")[0] for s in samples for part in s["text"].split("⟦")[1:]]
        answers = [answer.format(topic) for answer in exports.ANSWERS for topic in exports.TOPICS]
        assert all(any(part.startswith(answer) for answer in answers) for part in trained if "phone-1" not in part)

    def test_recalled_lines(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """As many samples as in a training run show what memory recalls before the last reply, never a held-out one."""
        pytest.importorskip("transformers", reason="transformers is not installed")
        imported(tmp_path)
        texts = [sample["text"] for sample in run_json(capsys, "sample", "--count", "20")]
        recalled = [text for text in texts if MEMORY_OPEN in text]
        assert len(recalled) == round(len(texts) * preset(DEFAULT_PRESET)[0].memory_share)
        for text in recalled:
            block = text.partition(MEMORY_OPEN)[2].partition(MEMORY_CLOSE)[0]
            assert re.search(r"^\d{4}-\d\d-\d\d \w+", block.strip())
            assert "⟦" not in block
            assert "⟦" in text.partition(MEMORY_CLOSE)[2]
        held_out = run_json(capsys, "sample", "--count", "20", "--part", "eval")
        assert held_out
        assert not any(MEMORY_OPEN in sample["text"] for sample in held_out)

    def test_pseudonyms_recall_nothing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Memory has the real names, which such a data set must not show."""
        pytest.importorskip("transformers", reason="transformers is not installed")
        imported(tmp_path, "--pseudonyms")
        assert not any(MEMORY_OPEN in sample["text"] for sample in run_json(capsys, "sample", "--count", "20"))

    def test_nothing_to_show(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """An empty part is said to be empty; its samples are none."""
        pytest.importorskip("transformers", reason="transformers is not installed")
        imported(tmp_path)
        (tmp_path / "home" / "personas" / "mira" / "dataset" / "eval.jsonl").write_bytes(b"")
        capsys.readouterr()
        assert main(["data", "sample", "--part", "eval"]) == 0
        said = capsys.readouterr()
        assert (said.out.strip(), said.err.strip()) == ("", "note: the eval part has no lines")
        assert run_json(capsys, "sample", "--part", "eval") == []

    def test_a_damaged_memory(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Lines are recalled from no other file than a memory, and the error says what to do with it."""
        pytest.importorskip("transformers", reason="transformers is not installed")
        imported(tmp_path)
        (tmp_path / "home" / "personas" / "mira" / "memory.sqlite").write_bytes(b"no database at all" * 300)
        capsys.readouterr()
        assert main(["data", "sample"]) == 1
        assert [line.partition(":")[0] for line in capsys.readouterr().err.strip().splitlines()] == ["error", "try"]

    def test_wrong_count(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """No samples are not worth asking for."""
        imported(tmp_path)
        assert main(["data", "sample", "--count", "0"]) == 2


class TestPseudonyms:
    def test_everywhere(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """With --pseudonyms no other name is in data set and report, and the next import gives the same ones."""
        imported(tmp_path, "--pseudonyms")
        first = run(capsys, "export")
        assert "Theo" not in first
        assert "Mira Halloran" in first
        assert "Theo" not in run(capsys, "report")
        partners = {json.loads(line)["meta"]["partner"] for line in first.splitlines()}
        imported(tmp_path, "--pseudonyms")
        assert run(capsys, "export") == first
        assert len(partners) == 1

    def test_not_by_default(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Without it names stay: the clone knows whom it talks to."""
        imported(tmp_path)
        assert "Theo Marsh" in run(capsys, "export")
