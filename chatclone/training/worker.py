"""Trains one adapter in a process of its own: `python -m chatclone.training.worker plan.json`.

It reads the plan, writes `events.jsonl` as it goes, and ends with `result.json`; the adapter lies in `adapter/` with
the tokenizer and template it was trained with. Ctrl+C or a stop file ends it after the current step, keeping the best
adapter so far. A problem a person can act on is an event of kind `error` and exit code 1; a bug is a traceback.
"""

import inspect
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError
from chatclone.prompt import ChatTemplate
from chatclone.training.data import TokenizedData, tokenize
from chatclone.training.events import RESULT_FILE, STOP_FILE, EventLog
from chatclone.training.plan import Plan

ROW_TOKENS = (256, 512, 1024, 2048, 4096)
"""Lengths of a packed row to choose from."""


def main(arguments: list[str]) -> int:
    """Run the plan in the file named by the only argument."""
    plan = Plan.read(Path(arguments[0]))
    folder = Path(plan.folder)
    log = EventLog(folder)
    signal.signal(signal.SIGINT, lambda *_: (folder / STOP_FILE).touch())
    # Nothing is looked up on a hub: the base is a folder by now. No token ids of people's words go to a shared cache.
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    try:
        result = train(plan, log)
    except ChatcloneError as error:
        log.write("error", message=error.message, hint=error.hint)
        return 1
    (folder / f".{RESULT_FILE}").write_text(json.dumps(result, indent=1), "utf-8")
    os.replace(folder / f".{RESULT_FILE}", folder / RESULT_FILE)
    log.write("done", **result)
    return 0


def train(plan: Plan, log: EventLog) -> dict[str, Any]:
    """Train as planned and return the document of contract.md's `train --json`."""
    import datasets

    started = time.time()
    datasets.disable_caching()
    model, tokenizer = _load(plan)
    stop_ids = model.generation_config.eos_token_id or []
    template = ChatTemplate.from_tokenizer(tokenizer, stop_ids if isinstance(stop_ids, list) else [stop_ids])
    train_data, eval_data = (_tokenized(plan, file, template) for file in (plan.train_file, plan.eval_file))
    steps = _schedule(plan, train_data)
    log.write(
        "data",
        **steps,
        tokens=train_data.tokens,
        trained_tokens=train_data.trained_tokens,
    )
    trainer, stop = _trainer(plan, log, model, tokenizer, train_data, eval_data, steps)
    before = trainer.evaluate()
    trained_seconds = -time.time()
    output = trainer.train(resume_from_checkpoint=_last_checkpoint(plan))
    trained_seconds += time.time()
    after = trainer.evaluate()
    adapter = Path(plan.folder) / "adapter"
    trainer.save_model(str(adapter))
    tokenizer.save_pretrained(adapter)
    epochs = float(trainer.state.epoch or 0)
    planned = trainer.state.max_steps
    return {
        "run": plan.run,
        "base": plan.base,
        "preset": plan.preset,
        "settings": {**plan.settings, **steps},
        "reasons": plan.reasons,
        "steps": trainer.state.global_step,
        "stopped": "by_user" if stop.asked else "early" if trainer.state.global_step < planned else "finished",
        "train_loss": output.training_loss,
        "eval_loss": after["eval_loss"],
        "eval_token_accuracy": after["eval_mean_token_accuracy"],
        "base_eval_loss": before["eval_loss"],
        "base_eval_token_accuracy": before["eval_mean_token_accuracy"],
        "tokens_per_second": train_data.tokens * epochs / trained_seconds,
        "trained_tokens": round(train_data.trained_tokens * epochs),
        "peak_memory_mb": _peak_memory_mb(),
        "seconds": time.time() - started,
        "adapter": str(adapter),
    }


def _load(plan: Plan) -> tuple[Any, Any]:
    """Load the base in fp32 on a CPU and bf16 on a GPU, and its tokenizer; local files and safetensors only."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.bfloat16 if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else torch.float32
    model = AutoModelForCausalLM.from_pretrained(
        plan.base_folder,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    tokenizer = AutoTokenizer.from_pretrained(plan.base_folder, local_files_only=True, trust_remote_code=False)
    model.config.use_cache = False
    return model, tokenizer


def _tokenized(plan: Plan, file: str, template: ChatTemplate) -> TokenizedData:
    data = tokenize(Path(file), template, plan.system, plan.settings["max_length"])
    if not data.samples:
        raise ChatcloneError(
            f"no line of {Path(file).name} can be trained on",
            "chatclone data sample shows them",
        )
    return data


def _schedule(plan: Plan, data: TokenizedData) -> dict[str, int]:
    """Return the length of a row and how many make a step, from replies a step: packing makes a row hold several.

    A row is no longer than the longest sample needs, so that small data still gives enough steps.
    """
    wanted = plan.settings
    row_tokens = next((n for n in ROW_TOKENS if n >= data.longest), wanted["max_length"])
    row_tokens = min(row_tokens, wanted["max_length"])
    rows = max(1, -(-data.tokens // row_tokens))
    steps_per_epoch = max(1, round(data.replies / wanted["replies_per_step"]))
    steps_per_epoch = max(steps_per_epoch, round(wanted["minimum_steps"] / wanted["epochs"]))
    rows_per_step = max(1, rows // steps_per_epoch)
    steps_per_epoch = -(-rows // rows_per_step)
    return {
        "row_tokens": row_tokens,
        "rows_per_step": rows_per_step,
        "steps_per_epoch": steps_per_epoch,
        "planned_steps": steps_per_epoch * int(wanted["epochs"]),
    }


def _trainer(
    plan: Plan,
    log: EventLog,
    model: Any,
    tokenizer: Any,
    train_data: TokenizedData,
    eval_data: TokenizedData,
    steps: dict[str, int],
) -> tuple[Any, Any]:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import EarlyStoppingCallback
    from trl import SFTConfig, SFTTrainer

    from chatclone.training.callbacks import Reporter, StopOnFile

    s = plan.settings
    stop = StopOnFile(Path(plan.folder))
    wanted = _arguments(plan, steps)
    known = inspect.signature(SFTConfig).parameters
    if unknown := sorted(wanted.keys() - known.keys()):
        log.write("notice", text=f"this version of TRL has no {', '.join(unknown)}: left out")
    targets = s["targets"] if s["targets"] == "all-linear" else s["targets"].split(",")
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**{k: v for k, v in wanted.items() if k in known}),
        train_dataset=Dataset.from_dict(train_data.columns()),
        eval_dataset=Dataset.from_dict(eval_data.columns()),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=s["rank"],
            lora_alpha=s["alpha"],
            lora_dropout=s["dropout"],
            target_modules=targets,
            task_type="CAUSAL_LM",
        ),
        callbacks=[
            Reporter(log),
            stop,
            EarlyStoppingCallback(s["patience"], s["threshold"]),
        ],
    )
    return trainer, stop


def _arguments(plan: Plan, steps: dict[str, int]) -> dict[str, Any]:
    """Return TRL's arguments by the names of its newest version."""
    import torch

    s = plan.settings
    evaluate_every = max(1, steps["steps_per_epoch"] // s["evaluations_per_epoch"])
    gpu = torch.cuda.is_available()
    return {
        "output_dir": str(Path(plan.folder) / "checkpoints"),
        "max_length": steps["row_tokens"],
        "packing": True,
        "eval_packing": False,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": steps["rows_per_step"],
        "per_device_eval_batch_size": 8,
        "num_train_epochs": s["epochs"],
        "learning_rate": s["learning_rate"],
        "lr_scheduler_type": "cosine",
        "warmup_steps": s["warmup"],
        "weight_decay": s["weight_decay"],
        "max_grad_norm": s["clip"],
        "optim": "paged_adamw_8bit" if gpu else "adamw_torch",
        "bf16": gpu and torch.cuda.is_bf16_supported(),
        "fp16": gpu and not torch.cuda.is_bf16_supported(),
        "use_cpu": not gpu,
        "gradient_checkpointing": gpu,
        "eval_strategy": "steps",
        "eval_steps": evaluate_every,
        "save_strategy": "steps",
        "save_steps": evaluate_every,
        "save_total_limit": 2,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "logging_steps": 1,
        "seed": s["seed"],
        "data_seed": s["seed"],
        "report_to": "none",
        "disable_tqdm": True,
        "dataset_num_proc": None,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": gpu,
    }


def _last_checkpoint(plan: Plan) -> str | None:
    from transformers.trainer_utils import get_last_checkpoint

    folder = Path(plan.folder) / "checkpoints"
    return get_last_checkpoint(str(folder)) if plan.resume and folder.is_dir() else None


def _peak_memory_mb() -> float:
    """Return the most memory the process (the GPU, where there is one) held, in MB."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset / 1e6)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
