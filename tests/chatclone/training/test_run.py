"""True runs of the worker on a tiny base: to the end, stopped, failed and resumed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from chatclone import persona as personas
from chatclone.errors import ChatcloneError
from chatclone.ingest import Request, ingest
from chatclone.persona import Persona
from chatclone.training.events import RESULT_FILE, STOP_FILE
from chatclone.training.plan import make_plan
from chatclone.training.run import last_unfinished, run
from tests import exports
from tests.tiny import tiny_base

QUICK = {"epochs": "2", "minimum_steps": "8", "rank": "4", "max_length": "128", "learning_rate": "1e-2"}

KEYS = {
    "run", "base", "preset", "settings", "reasons", "steps", "stopped", "train_loss", "eval_loss",
    "eval_token_accuracy", "base_eval_loss", "tokens_per_second", "trained_tokens", "peak_memory_mb", "seconds",
    "adapter",
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny base model."""
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def mira(tmp_path: Path) -> Persona:
    """An imported persona."""
    done = ingest(Request([exports.small_export(tmp_path)]), tmp_path / "home")
    assert done.persona is not None
    return done.persona


def test_to_the_end(mira: Persona, base: Path) -> None:
    """A run learns something, leaves an adapter with its template, and becomes the persona's current one."""
    events: list[dict[str, Any]] = []
    result = run(mira, make_plan(mira, str(base), overrides=QUICK), events.append)
    assert result.keys() >= KEYS
    assert result["eval_loss"] < result["base_eval_loss"]
    assert result["stopped"] == "finished"
    assert [e["kind"] for e in events if e["kind"] in ("data", "begin", "done")] == ["data", "begin", "done"]
    assert sum(e["kind"] == "eval" for e in events) >= 3
    adapter = Path(result["adapter"])
    assert {"adapter_model.safetensors", "adapter_config.json", "chat_template.jinja"} <= {
        p.name for p in adapter.iterdir()
    }
    saved = personas.load(mira.folder)
    assert saved.adapter_folder == adapter
    assert saved.base == str(base)


def test_stopped(mira: Persona, base: Path) -> None:
    """A stop ends the run after its step and keeps what was learnt."""
    plan = make_plan(mira, str(base), overrides=QUICK)
    folder = Path(plan.folder)

    def stop_after_an_evaluation(event: dict[str, Any]) -> None:
        if event["kind"] == "eval" and event["step"] > 0:
            (folder / STOP_FILE).touch()

    stopped = run(mira, plan, stop_after_an_evaluation)
    assert stopped["stopped"] == "by_user"
    assert 0 < stopped["steps"] < stopped["settings"]["planned_steps"]
    assert Path(stopped["adapter"]).exists()


def test_killed_and_resumed(mira: Persona, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without a result is found, goes on where its last checkpoint was, and ends as planned."""
    plan = make_plan(mira, str(base), overrides=QUICK)
    kept = Path(plan.folder) / "kept"
    monkeypatch.setattr(shutil, "rmtree", lambda folder, ignore_errors: Path(folder).rename(kept))
    whole = run(mira, plan)
    monkeypatch.undo()
    # As a kill leaves it: checkpoints, no result, no adapter. The earliest checkpoint is the last one that was whole.
    checkpoints = sorted(kept.glob("checkpoint-*"), key=lambda p: int(p.name.rpartition("-")[2]))
    for later in checkpoints[1:]:
        shutil.rmtree(later)
    kept.rename(Path(plan.folder) / "checkpoints")
    shutil.rmtree(Path(plan.folder) / "adapter")
    (Path(plan.folder) / RESULT_FILE).unlink()

    events: list[dict[str, Any]] = []
    again = run(mira, last_unfinished(mira), events.append)
    begin = next(e for e in events if e["kind"] == "begin")
    assert begin["first_step"] > 0
    assert again["steps"] == whole["steps"]
    assert again["eval_loss"] == pytest.approx(whole["eval_loss"], rel=1e-3)


def test_nothing_to_resume(mira: Persona) -> None:
    """Without an interrupted run there is nothing to go on with."""
    with pytest.raises(ChatcloneError, match="no interrupted training"):
        last_unfinished(mira)


def test_lost_base(mira: Persona, tmp_path: Path) -> None:
    """A base whose weights are damaged ends in an error that names the log, and leaves the persona as it was."""
    broken = tiny_base(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"not weights")
    plan = make_plan(mira, str(broken), overrides=QUICK)
    with pytest.raises(ChatcloneError) as error:
        run(mira, plan)
    assert "worker.log" in error.value.hint
    assert personas.load(mira.folder).adapter == ""


def test_data_that_gives_no_sample(mira: Persona, base: Path) -> None:
    """A data set in which nothing fits the window is an error of its own."""
    plan = make_plan(mira, str(base), overrides={**QUICK, "max_length": "8"})
    with pytest.raises(ChatcloneError, match=r"no line of train\.jsonl"):
        run(mira, plan)
    assert json.loads((Path(plan.folder) / "plan.json").read_text("utf-8"))["settings"]["max_length"] == 8
