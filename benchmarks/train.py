"""Training speed compared with TRL's defaults on the same conversations: trained tokens a second, memory.

    python benchmarks/train.py [--short] [--base starter|7B|0.5B|DIR]... [--unsloth PYTHON] [--json]

Without --base the built-in starter is trained on a processor, and with a CUDA device a randomly initialised Qwen2.5-7B
(NF4, and in bfloat16) and 0.5B, since speed and memory do not depend on trained weights. Each side trains the demo's
conversations in its own process; both have a LoRA of rank 16 on all linear layers and their own defaults otherwise. A
trained token is a token of one of the person's replies, whatever else a side computes a loss on. --unsloth names a
Python that has Unsloth; it needs a GPU. Without --short TRL is measured in float32 too, since a processor may have no
bfloat16 units.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a benchmark
    sys.path[0] = str(Path(__file__).parents[1])

from msgspec.structs import replace

from chatclone.ingest.import_run import Request, ingest
from chatclone.paths import demo_export, starter_model
from chatclone.training.events import EventLog
from chatclone.training.plan import Plan, make_plan
from chatclone.training.tokenized_data import read_conversations

ROOT = Path(__file__).parents[1]
ENDLESS = {"epochs": "1000", "evaluate_every": "1000000", "patience": "0", "memory_share": "0"}
"""The clock ends a measurement, not the plan; TRL has no recalled lines, so neither side has them."""
SIDES = ("ours", "trl", "trl in float32", "unsloth")
QWEN = {
    "7B": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
           "num_key_value_heads": 4, "vocab_size": 152064, "tie_word_embeddings": False},
    "0.5B": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
             "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": True},
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 8192, "tie_word_embeddings": True},
}  # fmt: skip
"""Shapes of Qwen2.5, from the models' configurations; `tiny` is for testing this script."""


def ours(plan: Plan, seconds: float) -> dict[str, Any]:
    """Train a plan for `seconds` in this process, and return the share of the data that was trained and the time."""
    import torch

    from benchmarks.trl_defaults import clock, peak_memory_mb
    from chatclone.training.prepare import prepare
    from chatclone.training.trainer import build, quiet

    log = EventLog(Path(plan.folder))
    with quiet():
        ready = prepare(plan, log)
        timed = clock(seconds)
        trainer = build(ready, log, [timed])
        trainer.train()
    share = timed.steps * ready.steps.rows_per_step / ready.steps.rows
    head = ready.loaded.model.get_output_embeddings()
    return {
        "share": share,
        "seconds": timed.seconds,
        "trained_tokens": ready.train.trained_tokens,
        "tokens": ready.train.tokens,
        "parameters": {"layers": ready.base.linear, "head": head.weight.numel()},
        "checkpointing": ready.plan.settings.checkpointing == "on",
        "dtype": ready.plan.settings.dtype,
        "peak_memory_mb": peak_memory_mb(),
        "flops": limit(torch.device(ready.machine.device), getattr(torch, ready.plan.settings.dtype)),
    }


def limit(device: Any, dtype: Any) -> float:
    """Return the FLOPs a second of large matrix products in a type: the upper limit of training."""
    import torch

    size = 8192 if device.type == "cuda" else 2048
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = 0.0
    for _ in range(6):
        started = time.perf_counter()
        float((left @ right)[0, 0])  # reading one number waits for the device
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def random_base(shape: str, folder: Path) -> Path:
    """Write a randomly initialised Qwen2.5 with the starter's tokenizer, which has a smaller vocabulary."""
    import shutil

    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    ends = json.loads((starter_model() / "config.json").read_text("utf-8"))
    config = Qwen2Config(**QWEN[shape], max_position_embeddings=32768, eos_token_id=ends["eos_token_id"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(starter_model() / name, folder / name)
    del model
    torch.cuda.empty_cache()
    return folder


def compare(
    base: Path, name: str, folder: Path, seconds: float, quantisation: str, *, unsloth: str, float32: bool
) -> dict[str, Any]:
    """Train on one base with every side, one after the other, and return their figures and ratios."""
    persona = ingest(Request([demo_export()]), folder / "home").persona
    assert persona is not None
    settings = ENDLESS if quantisation == "auto" else {**ENDLESS, "quantisation": quantisation}
    plan = make_plan(persona, str(base), overrides=settings)
    run = folder / "run"
    run.mkdir()
    plan = replace(plan, folder=str(run))
    plan.write(run / "plan.json")
    conversations, _ = read_conversations(Path(plan.train_file), plan.system)
    data = folder / "messages.jsonl"
    rows = ({"messages": [{"role": m.role, "content": m.content} for m in turns]} for turns in conversations)
    data.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    own = _child([sys.executable, __file__, "--plan", str(run / "plan.json"), "--seconds", str(seconds)])
    defaults = [str(ROOT / "benchmarks" / "trl_defaults.py"), "--base", str(base), "--data", str(data)]
    defaults += ["--seconds", str(seconds), *(["--quantised"] if quantisation == "4-bit" else [])]
    sides = {"ours": own, "trl": _child([sys.executable, *defaults])}
    if float32:
        sides["trl in float32"] = _child([sys.executable, *defaults, "--float32"])
    if unsloth:
        sides["unsloth"] = _child([unsloth, *defaults, "--unsloth"])
    for side in (sides[name] for name in sides if name != "ours"):
        side["share"] = side["conversations"] / len(conversations)
    for side in sides.values():
        passes = side["share"] / side["seconds"]
        side["trained_tokens_per_second"] = passes * own["trained_tokens"]
        side["tokens_per_second"] = passes * own["tokens"]
    return {"base": name, "quantisation": quantisation, **sides, **_ratios(sides)}


def _ratios(sides: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Return our figures over those of each other side, and the share of the machine's limit that was reached."""
    own = sides["ours"]
    passes = 6 if own["checkpointing"] else 4  # forward, backward through activations, and forward again
    parameters = own["parameters"]
    # The head is computed for trained tokens only, the layers for all tokens.
    work = parameters["layers"] * own["tokens"] + parameters["head"] * own["trained_tokens"]
    flops = passes * work * own["share"] / own["seconds"]
    found = {"share_of_limit": flops / own["flops"]}
    for name in sides.keys() - {"ours"}:
        for key in ("trained_tokens_per_second", "peak_memory_mb"):
            found[f"{key}_over_{name}"] = own[key] / sides[name][key]
    return found


def _child(command: list[str]) -> dict[str, Any]:
    """Run a side in its own process and return the JSON it printed last."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def table(results: list[dict[str, Any]]) -> str:
    """Return the results as a table in Markdown."""
    rows = [
        "| base | side | type | trained tokens/s | all tokens/s | peak MB | ratio | share of limit |",
        "|" + "---|" * 8,
    ]
    for result in results:
        for side in (name for name in SIDES if name in result):
            s = result[side]
            ratio = result.get(f"trained_tokens_per_second_over_{side}")
            shown = f"{ratio:.2f}" if ratio else ""
            limit = f"{result['share_of_limit']:.0%}" if side == "ours" else ""
            rows.append(
                f"| {result['base']}, {result['quantisation']} | {side} | {s['dtype']} "
                f"| {s['trained_tokens_per_second']:,.0f} | {s['tokens_per_second']:,.0f} | {s['peak_memory_mb']:,.0f} "
                f"| {shown} | {limit} |"
            )
    rows.append("\nratio: trained tokens/s of ours over that side's; the limit is measured on large matrix products")
    return "\n".join(rows)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--base", action="append", help="starter, 7B, 0.5B, tiny, or a folder")
    parser.add_argument("--short", action="store_true", help="under three minutes on two slow cores")
    parser.add_argument("--seconds", type=float, help="how long each side is timed (default 60, short 15)")
    parser.add_argument("--unsloth", default="", help="a Python that has Unsloth")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    seconds = args.seconds or (15 if args.short else 60)
    if args.plan:
        print(json.dumps(ours(Plan.read(args.plan), seconds)))
        return
    import torch

    cuda = torch.cuda.is_available()
    if args.unsloth and not cuda:
        sys.exit("error: Unsloth trains on GPUs only, and there is none here\ntry: without --unsloth")
    results = []
    for name in args.base or (["7B", "0.5B"] if cuda else ["starter"]):
        kinds = ("4-bit", "none") if name == "7B" else ("none",)
        with tempfile.TemporaryDirectory() as made:
            base = (
                random_base(name, Path(made)) if name in QWEN else starter_model() if name == "starter" else Path(name)
            )
            for kind in kinds:
                with tempfile.TemporaryDirectory() as folder:
                    sides = {"unsloth": args.unsloth, "float32": not (args.short or cuda)}
                    results.append(compare(base, name, Path(folder), seconds, kind, **sides))
    print(json.dumps(results, indent=1) if args.json else table(results))


if __name__ == "__main__":
    main()
