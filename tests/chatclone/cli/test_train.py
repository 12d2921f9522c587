"""`chatclone train`: errors in two lines, and progress."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatclone.bases.download import Offer
from chatclone.cli.main import main
from chatclone.cli.train import Progress, result_text
from chatclone.ingest.import_run import Request, ingest
from chatclone.personas import persona as personas
from chatclone.training.events import BaseLoaded, Begun, Evaluated, Notice, Step, Stopping
from chatclone.training.run_result import Verdict, write
from tests import exports
from tests.chatclone.training.making import model_folder, run_result

Fails = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with Mira."""
    folder = tmp_path_factory.mktemp("imported")
    ingest(Request([exports.small_export(folder)]), folder / "home")
    return folder / "home"


@pytest.fixture
def home(imported: Path, tmp_path: Path) -> Path:
    """A fresh copy of a home with Mira."""
    return Path(shutil.copytree(imported, tmp_path / "home"))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder that looks like a base model."""
    return model_folder(tmp_path / "base")


@pytest.fixture
def fails(home: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> Fails:
    """Runs `train` and returns its exit code and the two lines it ends with."""

    def run(*options: str) -> tuple[int, str, str]:
        named = options if "--base" in options or "--resume" in options else (*options, "--base", str(base))
        before = sorted(home.rglob("*"))
        code = main(["train", "--home", str(home), *named])
        assert [path for path in sorted(home.rglob("*")) if path.name != "chatclone.log"] == before
        captured = capsys.readouterr()
        assert captured.out == ""
        error, hint = captured.err.splitlines()[-2:]
        return code, error.removeprefix("error: "), hint.removeprefix("try: ")

    return run


class TestWrongInput:
    """Every mistake is an error in two lines, and nothing is written."""

    def test_no_data_set(self, fails: Fails, home: Path) -> None:
        """A persona without a data set."""
        shutil.rmtree(home / "personas" / "mira" / "dataset")
        code, error, hint = fails()
        assert (code, hint) == (1, "chatclone import result.json")
        assert "no data set" in error

    def test_too_few_replies(self, fails: Fails, home: Path) -> None:
        """Too few replies are counted."""
        report(home, train=7)
        code, error, hint = fails()
        assert code == 1
        assert error.startswith("only 7 replies") and "--filter none" in hint

    def test_empty_eval_split(self, fails: Fails, home: Path) -> None:
        """Nothing held out."""
        report(home, eval=0)
        assert fails()[:2] == (1, "no replies are held out, so training could not tell when to stop")

    def test_pickled_weights(self, fails: Fails, base: Path) -> None:
        """A base with only pickled weights."""
        (base / "model.safetensors").rename(base / "pytorch_model.bin")
        code, error, _ = fails()
        assert code == 1 and "never loaded" in error

    def test_missing_weights(self, fails: Fails, base: Path) -> None:
        """A base without weights."""
        (base / "model.safetensors").unlink()
        code, error, _ = fails()
        assert code == 1 and "safetensors" in error

    def test_unknown_preset(self, fails: Fails) -> None:
        """The error for an unknown preset suggests one."""
        code, error, hint = fails("--preset", "strongest")
        assert code == 1 and "strongest" in error and "strong" in hint

    def test_settings(self, fails: Fails) -> None:
        """A negative learning rate, an unknown key and a value without a key's form."""
        code, error, hint = fails("--set", "learning_rate=-1e-4", "--set", "rnak=3")
        assert code == 1
        assert "learning_rate must be a number above 0" in error and "there is no setting rnak" in error
        assert "did you mean rank?" in hint
        assert fails("--set", "rank")[0] == 2

    def test_resume(self, fails: Fails) -> None:
        """Nothing to resume, and settings that a resumed run would not take."""
        assert fails("--resume")[1] == "there is no interrupted training to resume"
        code, error, _ = fails("--resume", "--set", "rank=4")
        assert code == 2 and "keeps its settings" in error

    def test_launching(self, fails: Fails) -> None:
        """0 processes, an unknown configuration, 0 machines, and an unknown run."""
        assert fails("--processes", "0")[0] == 2
        code, error, hint = fails("--processes", "2", "--launch", "fsdp")
        assert (code, error) == (2, "there is no launch configuration fsdp") and "fsdp-qlora" in hint
        assert fails("--prepare", "0")[0] == 2
        code, error, hint = fails("--adopt", "2026-01-01-1")
        assert (code, error) == (1, "there is no finished run 2026-01-01-1 of Mira Halloran")
        assert hint == "no run of this persona is finished yet"

    def test_hub(self, fails: Fails) -> None:
        """The error for a hub id that is not on this machine suggests --download."""
        code, _, hint = fails("--base", "nobody/nothing-7b")
        assert code == 1 and "--download shows its size first" in hint
        assert fails("--base", "starter", "--download")[:2] == (2, "starter is already on this machine")


def test_trained_elsewhere(home: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run is prepared for other machines; once it is done there, its adapter is adopted."""
    train = ["train", "--home", str(home), "--json"]
    assert main([*train, "--base", str(base), "--prepare", "2", "--processes", "8"]) == 0
    prepared = json.loads(capsys.readouterr().out)
    folder = Path(prepared["folder"])
    assert (folder / "plan.json").is_file()
    assert all(str(folder / "plan.json") in command for command in prepared["commands"].values())

    result = run_result(base=str(base), adapter="/elsewhere/adapter")
    (folder / "adapter").mkdir()
    write(result, folder)
    assert main([*train, "--adopt", prepared["run"]]) == 1
    assert "has no adapter" in capsys.readouterr().err
    (folder / "adapter" / "adapter_model.safetensors").touch()
    assert main([*train, "--adopt", prepared["run"]]) == 0
    assert json.loads(capsys.readouterr().out)["adapter"] == str(folder / "adapter")
    (persona,) = personas.list_all(home)
    assert (persona.adapter_folder, persona.base) == (folder / "adapter", str(base))


class TestDownload:
    """A hub id with --download."""

    @pytest.fixture
    def offered(self, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        """Replace the hub: offer 4 GB, and note whether the user agreed."""
        answers: list[bool] = []

        def download(base: str, agreed: Callable[[Offer], bool]) -> Path:
            answers.append(agreed(Offer(base, 9, 4_000_000_000)))
            return Path("/cache") / base

        monkeypatch.setattr("chatclone.bases.download.download", download)
        return answers

    def test_nobody_to_ask(self, fails: Fails, offered: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a terminal or --yes nothing is downloaded."""
        monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
        code, error, hint = fails("--base", "a/b", "--download")
        assert (code, error, hint) == (1, "the download needs your agreement", "add --yes")
        assert offered == []

    @pytest.mark.parametrize(("answer", "agreed"), [("y", True), ("n", False), ("", False)])
    def test_asked(
        self, fails: Fails, offered: list[bool], monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool
    ) -> None:
        """At a terminal the user is asked; an empty answer is a no."""
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr("builtins.input", lambda prompt: answer)
        fails("--base", "a/b", "--download")  # the stand-in brings nothing, so the plan then misses it
        assert offered == [agreed]

    def test_agreed_beforehand(self, home: Path, offered: list[bool], capsys: pytest.CaptureFixture[str]) -> None:
        """With --yes the size is still shown."""
        main(["train", "--home", str(home), "--base", "a/b", "--download", "--yes"])
        assert offered == [True]
        assert "a/b: 4.00 GB in 9 files" in capsys.readouterr().err


class TestProgress:
    """The progress line."""

    @pytest.fixture
    def shown(self, monkeypatch: pytest.MonkeyPatch) -> tuple[Progress, list[str]]:
        """A progress line and what it showed."""
        lines: list[str] = []
        progress = Progress()
        monkeypatch.setattr(progress._status, "show", lines.append)
        return progress, lines

    def test_figures(self, shown: tuple[Progress, list[str]]) -> None:
        """Bar, step, loss, token accuracy, speed, memory, eval loss and the time left."""
        progress, lines = shown
        progress.take(Begun(steps=100, first_step=0))
        progress.take(Evaluated(step=20, eval_loss=2.25, eval_mean_token_accuracy=0.5))
        figures = {"loss": 2.5, "mean_token_accuracy": 0.41, "tokens_per_second": 1234.5, "memory_mb": 812.4}
        progress.take(Step(step=25, seconds=50.0, **figures))
        assert lines[-1] == (
            "█████░░░░░░░░░░░░░░░ 25/100  loss 2.500  41% right  1,234 tok/s  812 MB  2:30 left  eval 2.250 (50%)"
        )

    def test_resumed(self, shown: tuple[Progress, list[str]]) -> None:
        """The time left is computed from the steps of this process, not from those before a resume."""
        progress, lines = shown
        progress.take(Begun(steps=100, first_step=90))
        progress.take(Step(step=95, loss=1.0, seconds=10.0))
        assert "0:10 left" in lines[-1]

    def test_words(self, shown: tuple[Progress, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
        """The loaded base and notices stay on the screen; a stop is shown at once."""
        progress, lines = shown
        progress.take(BaseLoaded(text="14 Linear4bit layers, 3 MB on cpu"))
        progress.take(Notice(text="2 GPUs are visible"))
        assert capsys.readouterr().err == "loaded: 14 Linear4bit layers, 3 MB on cpu\n2 GPUs are visible\n"
        progress.take(Stopping())
        assert "keeping what was learnt" in lines[-1]


def test_result() -> None:
    """The result has the improvement, the verdict, and how to resume after a stop."""
    result = run_result(
        base_eval_loss=3.0, eval_loss=2.0, best_step=15, stopped="by_user", verdict=Verdict("good", "level")
    )
    text = result_text(result, "Mira")
    assert "3.000 → 2.000" in text and "(step 15" in text and "train --resume" in text
    assert "good: level\nreport: report.md" in text


def report(home: Path, **split: int) -> None:
    path = home / "personas" / "mira" / "dataset" / "report.json"
    document = json.loads(path.read_text("utf-8"))
    document["import"]["split"] |= split
    path.write_text(json.dumps(document), "utf-8")
