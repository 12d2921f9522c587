"""Trains with TRL's defaults on given conversations for some seconds; `benchmarks/train.py` compares with it.

    python benchmarks/trl_defaults.py --base DIR --data FILE [--seconds N] [--quantised] [--float32] [--unsloth]

It imports nothing of this project, so that a Python with other versions can run it; `--unsloth` uses Unsloth's loader,
in an environment that has it. A line of FILE is `{"messages": [...]}`. One JSON object is printed.
"""

import argparse
import importlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WARM = 1
"""Steps before the clock starts."""


def train(
    base: str, data: Path, seconds: float, rank: int, *, quantised: bool, float32: bool, unsloth: bool
) -> dict[str, Any]:
    """Train for `seconds` and return conversations, tokens and seconds of the timed steps, and the peak memory."""
    loader = None
    if unsloth:  # it patches TRL, so it must be imported first
        loader = importlib.import_module("unsloth").FastLanguageModel
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    model, shape = _model(loader, base, rank, quantised=quantised)
    rows = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"output_dir": folder, "report_to": "none", "save_strategy": "no", "max_steps": 10**6}
        if float32:  # not the default, for processors without bfloat16 units
            options["bf16"] = False
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(**options, disable_tqdm=True, logging_strategy="no", use_cpu=not torch.cuda.is_available()),
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(base, local_files_only=True),
            **shape,
        )
        timed = clock(seconds)
        trainer.add_callback(timed)
        trainer.train()
    batch = trainer.args.per_device_train_batch_size * trainer.args.gradient_accumulation_steps
    return {
        "conversations": timed.steps * batch,
        "seconds": timed.seconds,
        "checkpointing": bool(trainer.args.gradient_checkpointing),
        "dtype": "bfloat16" if trainer.args.bf16 else str(trainer.model.dtype).removeprefix("torch."),
        "peak_memory_mb": peak_memory_mb(),
    }


def _model(loader: Any, base: str, rank: int, *, quantised: bool) -> tuple[Any, dict[str, Any]]:
    """Return the model for TRL, and the arguments that belong to it."""
    import torch
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig

    lora = {"r": rank, "lora_alpha": 2 * rank}
    if loader:
        model, _ = loader.from_pretrained(base, max_seq_length=1024, load_in_4bit=quantised, local_files_only=True)
        return loader.get_peft_model(model, **lora), {}
    shape: dict[str, Any] = {"peft_config": LoraConfig(**lora, target_modules="all-linear", task_type="CAUSAL_LM")}
    if quantised:
        shape["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    return base, shape


def peak_memory_mb() -> float:
    """Return the peak memory of this process (on a GPU, of its tensors) in MB."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def clock(limit: float) -> Any:
    """Return a callback that times the steps after the warm-up, and ends the training after `limit` seconds."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc, unused-ignore]  # transformers has no types
        steps = 0
        seconds = 0.0
        _done = 0
        _started = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Count the step, unless it warms up."""
            _synchronise()
            now = time.perf_counter()
            self._done += 1
            if self._done <= WARM:
                self._started = now
                return
            self.steps, self.seconds = self._done - WARM, now - self._started
            control.should_training_stop = self.seconds >= limit

    return Clock()


def _synchronise() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--base", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--quantised", action="store_true")
    parser.add_argument("--float32", action="store_true")
    parser.add_argument("--unsloth", action="store_true")
    a = parser.parse_args()
    kind = {"quantised": a.quantised, "float32": a.float32, "unsloth": a.unsloth}
    print(json.dumps(train(a.base, a.data, a.seconds, a.rank, **kind)))
