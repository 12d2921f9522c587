"""Runs of the worker in its own process: killed and resumed, failed, measured for a plan."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chatclone.cli.main import main
from chatclone.errors import ChatcloneError
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona
from chatclone.training.events import AnyEvent, Begun, Failed, Notice, Started, Step, history
from chatclone.training.launch import Launch
from chatclone.training.plan import make_plan
from chatclone.training.run_result import RESULT_FILE, write
from chatclone.training.train_run import last_unfinished, probe, run, take_over
from chatclone.training.worker import main as worker_main
from tests.chatclone.training.conftest import QUICK, Train
from tests.chatclone.training.making import run_result
from tests.tiny import tiny_base

KEYS = {
    "run", "base", "preset", "settings", "reasons", "steps", "stopped", "train_loss", "eval_loss",
    "eval_token_accuracy", "base_eval_loss", "tokens_per_second", "trained_tokens", "peak_memory_mb", "seconds",
    "adapter",
}  # fmt: skip

BAD_LUCK = """
echo '{"kind": "error", "message": "bad luck", "hint": ""}' >> "${3%plan.json}events.jsonl"
exit 1"""


def test_killed_and_resumed(mira: Persona, llama: str, train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    """After SIGKILL, `--resume` continues from the last checkpoint to the same result as an undisturbed run."""
    plan = make_plan(mira, llama, overrides=QUICK)
    process = 0

    def kill_after_an_evaluation(event: AnyEvent) -> None:
        nonlocal process
        if isinstance(event, Started):
            process = event.pid
        if isinstance(event, Step) and event.step == 4:
            os.kill(process, signal.SIGKILL)

    with pytest.raises(ChatcloneError, match="was killed"):
        run(mira, plan, kill_after_an_evaluation)
    assert personas.load(mira.folder).adapter == ""

    assert main(["train", "--resume", "--json", "--home", str(mira.folder.parents[1]), "--persona", "mira"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again.keys() >= KEYS
    first, second = (event for event in history(Path(plan.folder)) if isinstance(event, Begun))
    assert first.first_step == 0 and second.first_step >= 2
    assert again["stopped"] == "finished"
    assert again["eval_loss"] < again["base_eval_loss"]
    adapter = Path(again["adapter"])
    assert {"adapter_model.safetensors", "adapter_config.json", "chat_template.jinja"} <= {
        p.name for p in adapter.iterdir()
    }
    saved = personas.load(mira.folder)
    assert (saved.adapter_folder, saved.base) == (adapter, llama)
    assert not (adapter.parent / "checkpoints").exists()
    steps = [e.step for e in history(adapter.parent) if isinstance(e, Step)]
    assert steps == list(range(1, again["steps"] + 1))
    with pytest.raises(ChatcloneError, match="no interrupted training"):
        last_unfinished(mira)

    whole = train(replace(plan, folder=str(Path(plan.folder).with_name("whole"))))
    assert again["steps"] == whole.steps
    assert again["eval_loss"] == pytest.approx(whole.eval_loss, rel=1e-3)
    assert again["train_loss"] == pytest.approx(whole.train_loss, rel=1e-3)


def test_plan_command(mira: Persona, llama: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`train --plan --json` decides everything, measures a few steps, and changes nothing on disk."""
    home = mira.folder.parents[1]

    def tree() -> dict[str, tuple[int, int]]:
        return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(home.rglob("*")) if p.is_file()}

    before = tree()
    command = ["train", "--plan", "--json", "--home", str(home), "--persona", "mira", "--base", llama]
    assert main([*command, "--set", "rank=4"]) == 0
    after = tree()
    after.pop(str(home / "chatclone.log"), None)
    assert after == before
    document = json.loads(capsys.readouterr().out)
    assert "auto" not in document["settings"].values()
    assert (document["settings"]["rank"], document["reasons"]["rank"]) == (4, "set by you")
    assert document["settings"].keys() <= document["reasons"].keys()  # each with a why
    assert all(key in document["reasons"] for key in ("device", "dtype", "quantisation", "max_length", "checkpointing"))
    assert document["measured"]["tokens_per_second"] > 0
    assert document["measured"]["seconds"] > 0
    assert document["measured"]["peak_memory_mb"] > 50
    assert document["licence"].startswith("not stated")


class TestFailure:
    """Failures of a worker, which a shell script stands in for, since a real one takes seconds to start."""

    @staticmethod
    def worker(folder: Path, script: str) -> str:
        """Write a script that stands in for Python and return its path."""
        program = folder / "python"
        program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        program.chmod(0o700)
        return str(program)

    @pytest.mark.parametrize(
        ("script", "message"),
        [
            (BAD_LUCK, "bad luck"),
            ("echo 'ModuleNotFoundError: No module named trl' >&2; exit 1", "not installed"),
            ("kill -9 $$", "was killed, probably because memory ran out"),
            ("echo 'KeyError: 3' >&2; exit 1", "training failed: KeyError: 3"),
            ("exit 0", "training failed: no output"),
        ],
    )
    def test_in_words(
        self, mira: Persona, llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
    ) -> None:
        """A reported error, a missing package, a kill and a traceback each have their own error."""
        monkeypatch.setattr(sys, "executable", self.worker(tmp_path, script))
        plan = make_plan(mira, llama, overrides=QUICK)
        with pytest.raises(ChatcloneError, match=message):
            run(mira, plan)
        assert personas.load(mira.folder).adapter == ""
        # What a worker gave up in words before its first step is not offered to go on with.
        assert Path(plan.folder).exists() == (message != "bad luck")


def test_measuring_is_cancelled(mira: Persona, llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement that is cancelled kills its worker at once and leaves nothing behind."""
    monkeypatch.setattr(sys, "executable", TestFailure.worker(tmp_path, "exec sleep 60"))
    with pytest.raises(ChatcloneError, match="measuring was cancelled"):
        probe(make_plan(mira, llama, overrides=QUICK), cancelled=lambda: True)
    assert not mira.runs_folder.exists()


def test_forgotten_person_stays_forgotten(mira: Persona, llama: str) -> None:
    """A run that ends after the persona was changed keeps that change."""
    adapter = mira.runs_folder / "2026-11-21-1" / "adapter"
    personas.load(mira.folder).update(partners=())
    assert mira.partners
    take_over(mira, run_result(base=llama, adapter=str(adapter)))
    saved = personas.load(mira.folder)
    assert (saved.partners, saved.adapter_folder) == ((), adapter)


def test_fewer_processes_than_asked(mira: Persona, llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice says if a launcher started fewer processes than asked for."""
    plan = make_plan(mira, llama, overrides=QUICK)
    (tmp_path / "made").mkdir()
    write(run_result(base=llama, adapter=f"{plan.folder}/adapter"), tmp_path / "made")
    script = f"cp '{tmp_path}/made/{RESULT_FILE}' '{plan.folder}/{RESULT_FILE}'"
    monkeypatch.setattr(sys, "executable", TestFailure.worker(tmp_path, script))
    events: list[AnyEvent] = []
    run(mira, plan, events.append, Launch(processes=2))
    assert [event.text for event in events if isinstance(event, Notice)] == ["2 processes were asked for, 1 trained"]
    assert personas.load(mira.folder).adapter_folder == Path(plan.folder) / "adapter"


def test_main(mira: Persona, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base that cannot be loaded ends the worker with exit code 1 and an error event; no hub is asked."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TOKENIZERS_PARALLELISM", "TORCHDYNAMO_DISABLE"):
        monkeypatch.setenv(name, "")
    broken = tiny_base(tmp_path / "broken")
    plan = make_plan(mira, str(broken), overrides=QUICK)
    (broken / "tokenizer.json").write_text("{", "utf-8")
    Path(plan.folder).mkdir(parents=True)
    plan.write(Path(plan.folder) / "plan.json")
    assert worker_main([str(Path(plan.folder) / "plan.json")]) == 1
    start, error = history(Path(plan.folder))
    assert isinstance(start, Started) and start.pid == os.getpid() and "trl" in start.versions
    assert isinstance(error, Failed)
    assert "cannot be loaded" in error.message and "download it again" in error.hint
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["TORCHDYNAMO_DISABLE"] == ""  # the user's own word stays


@pytest.mark.parametrize("text", [None, "{", "{}"])
def test_damaged_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None) -> None:
    """A worker whose plan is missing, damaged or of another version ends with exit code 1 and two lines."""
    if text is not None:
        (tmp_path / "plan.json").write_text(text, "utf-8")
    assert worker_main([str(tmp_path / "plan.json")]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ") and "plan.json" in error and hint.startswith("try: ")


class TestResume:
    """Which runs can be resumed."""

    def interrupted(self, mira: Persona, base: Path, **result: Any) -> Path:
        plan = make_plan(mira, str(base), overrides=QUICK)
        folder = Path(plan.folder)
        (folder / "checkpoints" / "checkpoint-3").mkdir(parents=True)
        plan.write(folder / "plan.json")
        if result:
            write(run_result(**result), folder)
        return folder

    def test_nothing(self, mira: Persona) -> None:
        """Without an interrupted run there is nothing to resume."""
        with pytest.raises(ChatcloneError, match="no interrupted training"):
            last_unfinished(mira)

    def test_stopped_by_the_user(self, mira: Persona, llama: str) -> None:
        """A run that the user stopped can be resumed as long as it has checkpoints; a finished one cannot."""
        folder = self.interrupted(mira, Path(llama), stopped="by_user")
        assert last_unfinished(mira).folder == str(folder)
        (folder / "checkpoints" / "checkpoint-3").rmdir()
        with pytest.raises(ChatcloneError, match="no interrupted training"):
            last_unfinished(mira)

    def test_another_base(self, mira: Persona, llama: str) -> None:
        """A run is not resumed on another base, neither one that is asked for nor one put in the same folder."""
        copy = tiny_base(mira.folder.parent / "base")
        self.interrupted(mira, copy)
        assert last_unfinished(mira, str(copy)).resume
        with pytest.raises(ChatcloneError, match="does not fit another base"):
            last_unfinished(mira, llama)
        config = json.loads((copy / "config.json").read_text("utf-8"))
        (copy / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}), "utf-8")
        with pytest.raises(ChatcloneError, match="have changed since"):
            last_unfinished(mira)
        (copy / "config.json").unlink()
        with pytest.raises(ChatcloneError, match="no longer in"):
            last_unfinished(mira)
