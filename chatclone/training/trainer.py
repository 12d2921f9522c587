"""TRL's SFTTrainer, built from a plan: the adapter, the arguments, and fixes for what TRL leaves to us.

Imports torch and TRL.
"""

import inspect
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from peft.optimizers import create_loraplus_optimizer
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from chatclone.errors import ChatcloneError, UsageError
from chatclone.training import distributed
from chatclone.training.events import CHECKPOINTS, EventLog
from chatclone.training.packed_rows import use_on_cpu
from chatclone.training.plan import Plan
from chatclone.training.prepared import Prepared
from chatclone.training.schedule import Schedule
from chatclone.training.setting_bounds import TrainConfig

ATTENTION = ("attn", "attention")
"""Parts of the names of attention modules."""
OPTIMIZERS = {"adamw": "adamw_torch", "adamw_8bit": "adamw_8bit", "paged_adamw_8bit": "paged_adamw_8bit"}
OLDER_NAMES = {"activation_checkpointing": "gradient_checkpointing"}
"""Names of arguments in older versions of transformers."""
EVAL_BATCH = 8
KEPT_CHECKPOINTS = 2
"""The best and the last."""


def build(ready: Prepared, log: EventLog, callbacks: Sequence[TrainerCallback] = ()) -> Any:
    """Return the trainer of a prepared plan, with the adapter around the base."""
    config, loaded = ready.plan.settings, ready.loaded
    trainer = SFTTrainer(
        model=loaded.model,
        args=SFTConfig(**known_arguments(arguments(ready.plan, ready.steps), log)),
        train_dataset=Dataset.from_dict(ready.train.columns()),
        eval_dataset=Dataset.from_dict(ready.eval.columns()),
        processing_class=loaded.tokenizer,
        peft_config=adapter_config(loaded.model, config),
        callbacks=list(callbacks),
    )
    if config.device == "cpu":
        use_on_cpu(loaded.model)
    trainer.remove_callback(PrinterCallback)
    if config.dtype != "bfloat16":
        cast_trainables(trainer.model)
    if config.lora_plus:
        trainer.optimizer = _lora_plus(trainer, config)
    return trainer


def adapter_config(model: Any, config: TrainConfig) -> LoraConfig:
    """Return the adapter's configuration for PEFT."""
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=target_modules(model, config.targets),
        use_rslora=config.rslora,
        use_dora=config.dora,
        bias="none",
        task_type="CAUSAL_LM",
    )


def target_modules(model: Any, wanted: str) -> str | list[str]:
    """Return the layers to adapt by their names in this architecture.

    `all-linear` leaves out the head; `attention` is q, k, v and o by their names in the architecture (GPT-NeoX:
    query_key_value and dense); else `wanted` has names separated by commas.
    """
    if wanted == "all-linear":
        return wanted
    head = model.get_output_embeddings()
    linear = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not head]
    names = {name.rpartition(".")[2] for name in linear}
    if wanted == "attention":
        found = {
            n.rpartition(".")[2] for n in linear if any(a in part for part in n.split(".")[:-1] for a in ATTENTION)
        }
        if not found:
            hint = "--set targets={names}"
            raise ChatcloneError("no attention layers were found in this base", hint, names=",".join(sorted(names)))
        return sorted(found)
    chosen = [name.strip() for name in wanted.split(",") if name.strip()]
    if not chosen or (unknown := [name for name in chosen if name not in names]):
        raise UsageError(
            "this base has no layer {targets!r}",
            "--set targets=all-linear, attention, or some of {names}",
            targets=", ".join(unknown) if chosen else wanted,
            names=", ".join(sorted(names)),
        )
    return chosen


def arguments(plan: Plan, steps: Schedule) -> dict[str, Any]:
    """Return the arguments for TRL, by the names in its newest version."""
    s = plan.settings
    mixed = s.device == "cuda" and s.dtype != "float32"
    return {
        "output_dir": str(Path(plan.folder) / CHECKPOINTS),
        "max_length": steps.row_tokens if s.packing else None,
        "packing": s.packing,
        "packing_strategy": "bfd",
        "padding_free": not s.packing,
        "eval_packing": False,
        "per_device_train_batch_size": steps.rows_at_once,
        "gradient_accumulation_steps": steps.accumulation,
        "per_device_eval_batch_size": EVAL_BATCH,
        "num_train_epochs": s.epochs,
        "learning_rate": s.learning_rate,
        "lr_scheduler_type": s.schedule,
        "warmup_steps": s.warmup if s.warmup < 1 else int(s.warmup),
        "weight_decay": s.weight_decay,
        "max_grad_norm": s.clip,
        "optim": OPTIMIZERS[s.optimizer],
        "neftune_noise_alpha": s.neftune or None,
        "bf16": mixed and s.dtype == "bfloat16",
        "fp16": mixed and s.dtype == "float16",
        "use_cpu": s.device == "cpu",
        "ddp_backend": "gloo" if s.device == "cpu" and steps.processes > 1 else None,
        "ddp_find_unused_parameters": False,  # every parameter of the adapter is used in every pass
        "activation_checkpointing": s.checkpointing == "on",
        "seed": s.seed,
        "data_seed": s.seed,
        "report_to": "none",
        "disable_tqdm": True,
        "dataset_num_proc": None,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": s.device == "cuda",
        **_evaluation(steps),
    }


def _evaluation(steps: Schedule) -> dict[str, Any]:
    """Return the arguments about evaluating, saving and logging."""
    return {
        "eval_strategy": "steps",
        "eval_steps": steps.evaluate_every,
        "save_strategy": "steps",
        "save_steps": steps.evaluate_every,
        "save_total_limit": KEPT_CHECKPOINTS,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "restore_callback_states_from_checkpoint": True,  # else a resumed run forgets how long it made no progress
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # a NaN must be seen, not averaged away
    }


def known_arguments(wanted: dict[str, Any], log: EventLog) -> dict[str, Any]:
    """Return the arguments by the names in the installed TRL; a notice names those it does not know."""
    known = inspect.signature(SFTConfig).parameters
    wanted = {key if key in known else OLDER_NAMES.get(key, key): value for key, value in wanted.items()}
    if unknown := sorted(wanted.keys() - known.keys()):
        log.notice(f"this version of TRL has no {', '.join(unknown)}: left out")
    return {key: value for key, value in wanted.items() if key in known}


def evaluate_base(trainer: Any) -> dict[str, float]:
    """Return an evaluation of the base without an adapter.

    accelerate marks a model that it prepared for an evaluation as prepared for training too, and would train the
    copies of several processes without averaging their gradients (accelerate 1.15, prepare_model).
    """
    before: dict[str, float] = trainer.evaluate()
    if distributed.processes() > 1 and not distributed.sharded():
        trainer.model._is_accelerate_prepared = False
    return before


def cast_trainables(model: Any) -> None:
    """Hold trained parameters in float32.

    TRL casts the adapter of a quantised base to bfloat16, which the gradient scaler of float16 refuses (a T4), and
    which loses small updates.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings of libraries that do not concern the run."""
    # bitsandbytes 0.50 warns in every pass through an 8-bit layer that float32 inputs are cast, which is intended.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # PEFT 0.21 still asks for the name that transformers 5.23 renamed.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def _lora_plus(trainer: Any, config: TrainConfig) -> Any:
    """Return an optimizer with a higher learning rate for B than for A."""
    optimizer, keywords = trainer.get_optimizer_cls_and_kwargs(trainer.args, trainer.model)
    keywords.pop("lr", None)
    return create_loraplus_optimizer(
        trainer.model,
        optimizer,
        lr=config.learning_rate,
        loraplus_lr_ratio=config.lora_plus,
        loraplus_weight_decay=config.weight_decay,
        **keywords,
    )
