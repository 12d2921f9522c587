"""Runs of the worker in this process: every preset on a base of its family, and failures."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load_file

from chatclone.engines.protocol import Piece, Sampling, Stopped
from chatclone.engines.transformers import TransformersEngine
from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from chatclone.prompt.render import ChatMessage
from chatclone.training.checkpoints import last_checkpoint, step_of
from chatclone.training.events import (
    STOP_FILE,
    BaseLoaded,
    Begun,
    DataReady,
    Evaluated,
    Notice,
    Step,
    history,
)
from chatclone.training.plan import Plan, make_plan
from tests.chatclone.training.conftest import QUICK, Bases, Train
from tests.tiny import Family

SHORT = {"epochs": "1", "minimum_steps": "0", "replies_per_step": "27", "evaluations_per_epoch": "1", "patience": "0"}
"""Two or three steps."""
ONE_ROUND = {"epochs": "1", "memory_share": "0"}
"""Half of a quick run, with two checkpoints."""

Quick = Callable[..., Plan]


def adapter_of(folder: str | Path) -> dict[str, torch.Tensor]:
    return dict(load_file(Path(folder) / "adapter_model.safetensors"))


def equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


class TestPresets:
    """Each preset on a tiny base of its family."""

    @pytest.mark.parametrize(
        ("preset", "family", "layers"),
        [
            ("persona", "gemma2", "Linear"),
            ("telegram-qwen", "qwen2", "Linear4bit"),
            ("oh-lora", "gpt_neox", "Linear"),
            ("qa-llama3", "llama", "Linear4bit"),
            ("uzbek-mistral", "mistral", "Linear8bitLt"),
            ("mongolian-llama2", "llama", "Linear4bit"),
        ],
    )
    def test_trains_and_chats(
        self, mira: Persona, bases: Bases, train: Train, preset: str, family: Family, layers: str
    ) -> None:
        """It trains on a processor in the preset's quantisation, and the adapter answers."""
        plan = make_plan(mira, str(bases(family)), preset, {**SHORT, "learning_rate": "1e-2", "memory_share": "0.4"})
        result = train(plan)
        assert f" {layers} layers" in result.loaded
        assert result.steps == result.settings["planned_steps"] >= 1
        assert result.data.memory_samples > 0
        adapter = Path(result.adapter)
        moved = {name: weight for name, weight in adapter_of(adapter).items() if "lora_B" in name}
        assert moved and all(weight.abs().max() > 0 for weight in moved.values())
        assert json.loads((adapter / "adapter_config.json").read_text("utf-8"))["r"] == plan.settings.rank
        engine = TransformersEngine(bases(family), adapter, context=256)
        template = (adapter / "chat_template.jinja").read_text("utf-8")
        assert template == engine.template.source
        prompt = engine.template.prompt([ChatMessage("system", "You are Mira."), ChatMessage("user", "hey")], 200)
        *pieces, end = engine.generate(prompt, Sampling(temperature=0, max_tokens=5), lambda: False)
        assert isinstance(end, Stopped) and any(isinstance(piece, Piece) for piece in pieces)

    @pytest.mark.parametrize(
        "options",
        [
            {"rslora": "true", "lora_plus": "4", "neftune": "5"},
            {"dora": "true", "packing": "false", "rows_at_once": "2", "checkpointing": "on"},
        ],
    )
    def test_options(self, quick: Quick, train: Train, options: dict[str, str], tmp_path: Path) -> None:
        """rsLoRA, DoRA, LoRA+, NEFTune, replay and rows without packing train, together."""
        neutral = tmp_path / "neutral.jsonl"
        row = {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}
        neutral.write_text("\n".join([json.dumps(row)] * 9), "utf-8")
        replay = {"replay_file": str(neutral), "replay_share": "0.2"}
        plan = quick(**{**SHORT, **options, **replay, "learning_rate": "1e-3"})
        result = train(plan)
        assert result.data.replay_samples >= 2
        last = last_checkpoint(Path(plan.folder))
        assert last is not None
        groups = torch.load(last / "optimizer.pt", weights_only=True)["param_groups"]
        rates = {group["initial_lr"] for group in groups if group["params"]}
        assert rates == ({1e-3, 4e-3} if "lora_plus" in options else {1e-3})
        config = json.loads((Path(result.adapter) / "adapter_config.json").read_text("utf-8"))
        assert config["use_rslora"] == ("rslora" in options)
        assert config["use_dora"] == ("dora" in options)
        assert result.eval_loss < result.base_eval_loss


class TestEnding:
    """How a run ends."""

    def test_events(self, quick: Quick, train: Train) -> None:
        """The events have everything the curves need, the base's evaluation first."""
        result = train(quick())
        events = history(Path(result.adapter).parent)
        kinds = [type(event) for event in events]
        assert kinds[:4] == [BaseLoaded, DataReady, Evaluated, Begun]
        steps = [event for event in events if isinstance(event, Step)]
        assert [event.step for event in steps] == list(range(1, result.steps + 1))
        wanted = {
            "loss", "mean_token_accuracy", "learning_rate", "grad_norm", "tokens_per_second", "memory_mb", "seconds",
            "epoch", "num_tokens",
        }  # fmt: skip
        assert all(getattr(event, name) is not None for event in steps for name in wanted)
        evaluations = [event for event in events if isinstance(event, Evaluated)]
        assert evaluations[0].step == 0
        assert evaluations[0].eval_loss == pytest.approx(result.base_eval_loss)
        assert min(event.eval_loss or 9 for event in evaluations) == pytest.approx(result.eval_loss)
        assert all(event.eval_mean_token_accuracy is not None for event in evaluations)

    def test_early_with_best_and_last(self, quick: Quick, train: Train) -> None:
        """A rising loss ends the run; the best adapter and the last one are kept, equal to their checkpoints."""
        plan = quick(epochs="8", learning_rate="0.5", clip="100", patience="1", evaluations_per_epoch="2", warmup="0")
        result = train(plan)
        assert result.stopped == "early"
        assert result.best_step < result.steps < result.settings["planned_steps"]
        checkpoints = Path(plan.folder) / "checkpoints"
        assert {c.name for c in checkpoints.iterdir()} >= {
            f"checkpoint-{getattr(result, k)}" for k in ("best_step", "steps")
        }
        assert equal(adapter_of(result.adapter), adapter_of(checkpoints / f"checkpoint-{result.best_step}"))
        assert equal(adapter_of(result.last_adapter), adapter_of(checkpoints / f"checkpoint-{result.steps}"))

    def test_stop_file(self, quick: Quick, train: Train) -> None:
        """The stop file ends the run after its step, which is evaluated and kept; resumed, it runs to its end."""
        plan = quick(**ONE_ROUND)
        folder = Path(plan.folder)
        folder.mkdir(parents=True)
        (folder / STOP_FILE).touch()
        stopped = train(plan)
        assert (stopped.stopped, stopped.steps, stopped.best_step) == ("by_user", 1, 1)
        (folder / STOP_FILE).unlink()
        whole = train(replace(Plan.read(folder / "plan.json"), resume=True))
        assert (whole.stopped, whole.steps) == ("finished", whole.settings["planned_steps"])

    def test_nan(self, quick: Quick, train: Train) -> None:
        """A NaN loss ends the run before it is saved, with a hint."""
        plan = quick(learning_rate="1", clip="1e30", warmup="0", schedule="constant", epochs="20")
        poison = _Poison()
        with pytest.raises(ChatcloneError, match="became nan at step 2") as error:
            poison.train(train, plan)
        assert "--set learning_rate=0.2" in error.value.hint
        assert not any((Path(plan.folder) / "checkpoints").glob("checkpoint-2"))


class _Poison:
    """Makes the adapter's weights NaN after the first step."""

    def train(self, train: Train, plan: Plan) -> Any:
        from trl import SFTTrainer

        whole = SFTTrainer.training_step

        def step(trainer: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            if trainer.state.global_step == 1:
                with torch.no_grad():
                    next(p for p in model.parameters() if p.requires_grad).fill_(float("nan"))
            return whole(trainer, model, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SFTTrainer, "training_step", step)
            return train(plan)


class TestMemory:
    """Memory that runs out."""

    @staticmethod
    def failing(patch: pytest.MonkeyPatch, step: int, times: int) -> list[int]:
        """Let a step fail with too little memory this many times; return the rows computed at once each time."""
        from trl import SFTTrainer

        whole = SFTTrainer.training_step
        failed: list[int] = []

        def training_step(trainer: Any, *args: Any, **kwargs: Any) -> Any:
            if trainer.state.global_step == step and len(failed) < times:
                failed.append(trainer.args.per_device_train_batch_size)
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return whole(trainer, *args, **kwargs)

        patch.setattr(SFTTrainer, "training_step", training_step)
        return failed

    def test_lowered_once(self, quick: Quick, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
        """With half the rows at once, twice as often, the run continues from its checkpoint, with a notice."""
        changes = {**ONE_ROUND, "rows_at_once": "2", "minimum_steps": "2", "replies_per_step": "14", "dropout": "0"}
        undisturbed = train(quick(**changes))
        plan = quick(**changes)
        plan = replace(plan, run="other", folder=str(Path(plan.folder).with_name("other")))
        with monkeypatch.context() as patch:
            failed = self.failing(patch, step=2, times=1)
            result = train(plan)
        assert failed == [2]
        assert (result.settings["rows_at_once"], result.steps) == (1, undisturbed.steps)
        assert result.settings["accumulation"] == 2 * undisturbed.settings["accumulation"]
        assert result.eval_loss == pytest.approx(undisturbed.eval_loss, rel=1e-3)
        notices = [e.text for e in history(Path(plan.folder)) if isinstance(e, Notice)]
        assert any("rows_at_once is now 1" in text for text in notices)

    def test_single_rows(self, quick: Quick, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
        """With one row at once checkpointing is turned on; if memory runs out again the run fails."""
        plan = quick(**SHORT)
        with monkeypatch.context() as patch:
            self.failing(patch, step=0, times=1)
            assert train(plan).settings["checkpointing"] == "on"
        again = replace(quick(**SHORT), folder=str(Path(plan.folder).with_name("again")))
        with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="out of memory"):
            self.failing(patch, step=0, times=2)
            train(again)


def test_full_disk(quick: Quick, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk fills up while a checkpoint is written, the run can be resumed from the previous one."""
    plan = quick(**ONE_ROUND)
    whole = torch.save
    written: list[Any] = []

    def save(obj: Any, file: Any, *args: Any, **kwargs: Any) -> None:
        written.append(file)
        if len(written) == 5:
            Path(file).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(obj, file, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(torch, "save", save)
        train(plan)
    last = last_checkpoint(Path(plan.folder))
    assert last is not None
    result = train(replace(Plan.read(Path(plan.folder) / "plan.json"), resume=True))
    assert result.steps == result.settings["planned_steps"]


def test_patience_survives_a_kill(quick: Quick, train: Train) -> None:
    """A resumed run keeps its count of evaluations without progress, and stops at the same step."""
    plan = quick(epochs="8", learning_rate="1e-7", patience="2", memory_share="0")
    whole = train(plan)
    assert whole.stopped == "early"
    folder = Path(plan.folder)
    for later in sorted((folder / "checkpoints").glob("checkpoint-*"), key=step_of)[1:]:
        shutil.rmtree(later)
    again = train(replace(Plan.read(folder / "plan.json"), resume=True))
    assert (again.stopped, again.steps) == ("early", whole.steps)
    assert again.eval_loss == pytest.approx(whole.eval_loss, rel=1e-4)
    assert again.train_loss == pytest.approx(whole.train_loss, rel=1e-4)


def test_changed_data(quick: Quick, train: Train) -> None:
    """A run is not resumed on changed data, so that nothing forgotten is trained."""
    plan = quick(**SHORT)
    train(plan)
    lines = Path(plan.train_file).read_text("utf-8").splitlines()
    Path(plan.train_file).write_text("\n".join(lines[1:]), "utf-8")
    with pytest.raises(ChatcloneError, match="has changed since"):
        train(replace(Plan.read(Path(plan.folder) / "plan.json"), resume=True))


def test_killed_at_the_very_end(quick: Quick, train: Train) -> None:
    """A run killed after its last step and before its result gives the same result when resumed."""
    plan = quick(**SHORT)
    whole = train(plan)
    shutil.rmtree(whole.adapter)
    again = train(replace(Plan.read(Path(plan.folder) / "plan.json"), resume=True))
    for key in ("steps", "best_step", "eval_loss", "train_loss", "trained_tokens"):
        assert getattr(again, key) == pytest.approx(getattr(whole, key), rel=1e-6)


def test_data_that_gives_no_sample(quick: Quick, train: Train) -> None:
    """A data set in which nothing fits the window is a ChatcloneError."""
    with pytest.raises(ChatcloneError, match=r"no line of train\.jsonl"):
        train(quick(max_length="16"))


def test_old_data_set(mira: Persona, llama: str, train: Train) -> None:
    """A data set without times of sessions trains without memory, with a notice."""
    path = mira.dataset_folder / "train.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        del line["meta"]["session"]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    plan = make_plan(mira, llama, overrides={**QUICK, **SHORT})
    assert train(plan).data.memory_samples == 0
    notices = [e.text for e in history(Path(plan.folder)) if isinstance(e, Notice)]
    assert any("import again" in text for text in notices)
