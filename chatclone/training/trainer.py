"""TRL's SFTTrainer, built from a plan: the adapter's shape, the arguments by their names, and what TRL leaves to us.

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
from chatclone.training.config import Values
from chatclone.training.events import CHECKPOINTS, EventLog
from chatclone.training.load_base import Loaded
from chatclone.training.packed_rows import use_on_cpu
from chatclone.training.plan import Plan
from chatclone.training.schedule import Schedule
from chatclone.training.tokenized_data import TokenizedData

ATTENTION = ("attn", "attention")
"""Names of the module that holds a layer's attention, in every architecture met so far."""
OPTIMIZERS = {"adamw": "adamw_torch", "adamw_8bit": "adamw_8bit", "paged_adamw_8bit": "paged_adamw_8bit"}
FORMER = {"activation_checkpointing": "gradient_checkpointing"}
"""Arguments by the names that older versions of transformers have for them."""
EVAL_BATCH = 8
KEPT_CHECKPOINTS = 2
"""The best and the last."""


def build(
    plan: Plan,
    log: EventLog,
    loaded: Loaded,
    train_data: TokenizedData,
    eval_data: TokenizedData,
    steps: Schedule,
    callbacks: Sequence[TrainerCallback] = (),
) -> Any:
    """Return the trainer of a plan, the adapter around the base and ready to train."""
    trainer = SFTTrainer(
        model=loaded.model,
        args=SFTConfig(**known_arguments(arguments(plan, steps), log)),
        train_dataset=Dataset.from_dict(train_data.columns()),
        eval_dataset=Dataset.from_dict(eval_data.columns()),
        processing_class=loaded.tokenizer,
        peft_config=adapter_config(loaded.model, plan.settings),
        callbacks=list(callbacks),
    )
    if plan.settings["device"] == "cpu":
        use_on_cpu(loaded.model)
    trainer.remove_callback(PrinterCallback)  # the events say it all
    if plan.settings["dtype"] != "bfloat16":
        cast_trainables(trainer.model)
    if plan.settings["lora_plus"]:
        trainer.optimizer = _lora_plus(trainer, plan.settings)
    return trainer


def adapter_config(model: Any, settings: Values) -> LoraConfig:
    """Return the shape of the adapter."""
    return LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        target_modules=target_modules(model, settings["targets"]),
        use_rslora=settings["rslora"],
        use_dora=settings["dora"],
        bias="none",
        task_type="CAUSAL_LM",
    )


def target_modules(model: Any, wanted: str) -> str | list[str]:
    """Return the layers to adapt by the names they have in this architecture.

    `all-linear` leaves the head alone; `attention` is q, k, v and o, however the architecture calls them (GPT-NeoX:
    query_key_value and dense); else names with commas between them.
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
            raise ChatcloneError("this base has no layer called attention", f"--set targets={','.join(sorted(names))}")
        return sorted(found)
    chosen = [name.strip() for name in wanted.split(",") if name.strip()]
    if not chosen or (unknown := [name for name in chosen if name not in names]):
        raise UsageError(
            f"targets {', '.join(unknown) if chosen else wanted!r}: this base has no such layer",
            f"all-linear, attention, or some of {', '.join(sorted(names))}",
        )
    return chosen


def arguments(plan: Plan, steps: Schedule) -> dict[str, Any]:
    """Return TRL's arguments by the names of its newest version."""
    s = plan.settings
    mixed = s["device"] == "cuda" and s["dtype"] != "float32"
    return {
        "output_dir": str(Path(plan.folder) / CHECKPOINTS),
        "max_length": steps.row_tokens if s["packing"] else None,
        "packing": s["packing"],
        "packing_strategy": "bfd",
        "padding_free": not s["packing"],
        "eval_packing": False,
        "per_device_train_batch_size": steps.rows_at_once,
        "gradient_accumulation_steps": steps.accumulation,
        "per_device_eval_batch_size": EVAL_BATCH,
        "num_train_epochs": s["epochs"],
        "learning_rate": s["learning_rate"],
        "lr_scheduler_type": s["schedule"],
        "warmup_steps": s["warmup"] if s["warmup"] < 1 else int(s["warmup"]),
        "weight_decay": s["weight_decay"],
        "max_grad_norm": s["clip"],
        "optim": OPTIMIZERS[s["optimizer"]],
        "neftune_noise_alpha": s["neftune"] or None,
        "bf16": mixed and s["dtype"] == "bfloat16",
        "fp16": mixed and s["dtype"] == "float16",
        "use_cpu": s["device"] == "cpu",
        "ddp_backend": "gloo" if s["device"] == "cpu" and steps.processes > 1 else None,
        "ddp_find_unused_parameters": False,  # every part of the adapter takes part in every pass
        "activation_checkpointing": s["checkpointing"] == "on",
        "seed": s["seed"],
        "data_seed": s["seed"],
        "report_to": "none",
        "disable_tqdm": True,
        "dataset_num_proc": None,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": s["device"] == "cuda",
        **_looking(steps),
    }


def _looking(steps: Schedule) -> dict[str, Any]:
    """Return when to evaluate, what to keep of it, and what to log."""
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
    """Return the arguments by the names that the installed TRL knows, and tell which it knows by none."""
    known = inspect.signature(SFTConfig).parameters
    wanted = {key if key in known else FORMER.get(key, key): value for key, value in wanted.items()}
    if unknown := sorted(wanted.keys() - known.keys()):
        log.write("notice", text=f"this version of TRL has no {', '.join(unknown)}: left out")
    return {key: value for key, value in wanted.items() if key in known}


def evaluate_base(trainer: Any) -> dict[str, float]:
    """Evaluate before anything is learnt, and leave the model as training wants it.

    accelerate marks a model that it prepared for an evaluation as ready for everything, and would train the copies of
    several processes without ever averaging their gradients (accelerate 1.15, prepare_model).
    """
    before: dict[str, float] = trainer.evaluate()
    if distributed.processes() > 1 and not distributed.sharded():
        trainer.model._is_accelerate_prepared = False
    return before


def cast_trainables(model: Any) -> None:
    """Hold what is trained in float32.

    TRL casts the adapter of a quantised base to bfloat16, which the gradient scaler of float16 refuses (a T4), and
    which loses small steps where computing in float32 costs nothing.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what libraries say of no run in particular, each for a reason."""
    # bitsandbytes 0.50 says of every pass through an 8-bit layer that float32 inputs are cast; that is what is wanted.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # PEFT 0.21 still asks for the name that transformers 5.23 renamed.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def _lora_plus(trainer: Any, settings: Values) -> Any:
    """Return an optimizer that moves B faster than A by the ratio set."""
    optimizer, keywords = trainer.get_optimizer_cls_and_kwargs(trainer.args, trainer.model)
    keywords.pop("lr", None)
    return create_loraplus_optimizer(
        trainer.model,
        optimizer,
        lr=settings["learning_rate"],
        loraplus_lr_ratio=settings["lora_plus"],
        loraplus_weight_decay=settings["weight_decay"],
        **keywords,
    )
