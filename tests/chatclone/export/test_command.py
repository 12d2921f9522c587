"""`chatclone export` on the command line: its document, its text, and its errors."""

import json
import shutil
from pathlib import Path

import pytest

from chatclone.cli.main import main
from tests.chatclone.conftest import Tiny
from tests.chatclone.export.conftest import Done


@pytest.fixture
def typed(adapter_export: Done) -> list[str]:
    """The beginning of a command on a persona that has an export."""
    adapter_export.persona.save()
    return ["export", "--home", str(adapter_export.home), "--persona", "mira"]


def test_verify_json(typed: list[str], adapter_export: Done, capsys: pytest.CaptureFixture[str]) -> None:
    """--verify prints the document of an export; announcements go to stderr."""
    assert main([*typed, "--verify", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert list(document) == ["kind", "quant", "files", "parity", "beside", "seconds"]
    assert document["parity"] == adapter_export.document["parity"]
    assert "only 2 prompts to compare on, of 64 wanted" in err


def test_verify_text(typed: list[str], adapter_export: Done, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json: the files, the report, and its summary."""
    assert main([*typed, "--verify"]) == 0
    lora, model, written, parity, loss = capsys.readouterr().out.splitlines()
    assert lora.startswith(str(adapter_export.files[0])) and lora.endswith("MB)")
    assert model.startswith(str(adapter_export.files[1]))
    assert Path(written).read_text().startswith("# Parity of mira-1-lora-on-f16")
    assert parity.startswith("parity on 12 prompts: token ids equal")
    assert loss.startswith("Eval loss in nats a token")


def test_breach(typed: list[str], tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that falls short is exit code 1 and two lines, the error as a document, and its report stays."""
    bare = shutil.copy(tiny.gguf, tmp_path)
    assert main([*typed, "--verify", str(bare), "--json"]) == 1
    out, err = capsys.readouterr()
    assert "does not answer like the adapter" in json.loads(out)["error"]
    *_, error, hint = err.splitlines()
    assert error.startswith("error: llama-f16 does not answer like the adapter: the next token agrees in ")
    assert hint.startswith("try: chat with --engine transformers")
    assert (tmp_path / "llama-f16.parity.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--verify", "none.gguf"], 1, "cannot read"),
        (["--kind", "merged", "--base-gguf", "none.gguf"], 2, "made from the base's own weights"),
        (["--base-gguf", "none.gguf"], 1, "cannot read"),
        (["--llama-cpp", "."], 1, "has no convert_hf_to_gguf.py"),
    ],
)
def test_errors(
    typed: list[str], arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An impossible request is an error of two lines."""
    assert main([*typed, *arguments]) == code
    *_, error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ") and words in error
    assert hint.startswith("try: ")
