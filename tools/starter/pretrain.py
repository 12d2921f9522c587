"""Pretrains the starter model on a processor, against the clock, resumable.

The model begins with half of its layers; at `GROW_AT` of the run the stack is put on top of itself once
(depth growth by stacking), which spends fewer operations on the early, easy part. Rows are filled with whole
samples, the last one cut; every row starts with a sample's first token, as a prompt does. Attention is plainly
causal across the samples of a row. Learning rates follow the progress of the run: warm-up, a plateau,
then a straight decline to zero. Progress is wall-clock time (`minutes`) or tokens (`tokens`).
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoTokenizer, LlamaForCausalLM

from tools.starter.corpus import (
    NO_LOSS,
    Conversation,
    SampleSource,
    encode,
    load_conversations,
    to_messages,
    training_part,
)
from tools.starter.evaluate import bits_per_byte, persona_test
from tools.starter.guidance import WEIGHT, guidance_loss
from tools.starter.model import CONTEXT, grow, new_model
from tools.starter.optimizer import build_optimizers

LAYERS = 8
WARM_UP = 0.02  # of the run
DECAY_FROM = 0.5  # of the run
LOG_EVERY = 20  # steps
CHECKPOINT_SECONDS = 300


@dataclass
class Plan:
    """What a run does; shares are of the run's progress from 0 to 1."""

    minutes: float = 60.0
    tokens: int = 0  # if set, the run's length instead of minutes
    seed: int = 1
    step_tokens: int = 4096
    micro_tokens: int = 1024  # computed at a time by one thread
    threads: int = 2
    matrix_lr: float = 0.02
    other_lr: float = 0.004
    recall_at: float = 0.4  # from here on samples that ask for facts and memories are mixed in
    grow_at: float = 0.68  # until here half of the layers, and rows of CONTEXT / 4 tokens
    long_rows_at: float = 0.9  # from here on rows of CONTEXT tokens; before that CONTEXT / 2
    evaluate_every: float = 8.0  # minutes


@dataclass
class Progress:
    """The progress of a run."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    grown: bool = False

    def share(self, plan: Plan) -> float:
        """Return the progress of the run from 0 to 1."""
        return min(1.0, self.tokens / plan.tokens if plan.tokens else self.seconds / (plan.minutes * 60))

    def row_tokens(self, plan: Plan) -> int:
        """Return the length of a row at this point of the run."""
        share = self.share(plan)
        return CONTEXT // 4 if share < plan.grow_at else CONTEXT // 2 if share < plan.long_rows_at else CONTEXT


def rows_of(source: SampleSource, tokenizer: Tokenizer, plan: Plan, progress: Progress) -> Iterator[torch.Tensor]:
    """Yield ids and labels of one row, shape [2, tokens]; the row's length follows the progress of the run."""
    ids: list[int] = []
    labels: list[int] = []
    for sample in source:
        sample_ids, sample_labels = encode(to_messages(sample), tokenizer)
        ids += sample_ids
        labels += sample_labels
        source.has_recall = progress.share(plan) >= plan.recall_at
        length = progress.row_tokens(plan)
        if len(ids) > length:
            yield torch.tensor([ids[: length + 1], labels[: length + 1]])
            ids, labels = [], []


def micro_batches(rows: Iterator[torch.Tensor], plan: Plan, length: int) -> list[torch.Tensor]:
    """Return one step's rows as batches of shape [rows, 2, length + 1]."""
    count = plan.step_tokens // length
    step_rows: list[torch.Tensor] = []
    while len(step_rows) < count:
        if (row := next(rows)).size(1) == length + 1:
            step_rows.append(row)
    size = max(1, plan.micro_tokens // length)
    return [torch.stack(step_rows[i : i + size]) for i in range(0, len(step_rows), size)]


def loss_sums(model: LlamaForCausalLM, batch: torch.Tensor, guided: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss in nats summed over a batch's labelled tokens, without and with guidance.

    The batch has shape [rows, 2, tokens].
    """
    ids, targets = batch[:, 0, :-1], batch[:, 1, 1:]
    output = model.model(input_ids=ids, use_cache=False, output_hidden_states=guided)
    kept = targets != NO_LOSS
    loss = functional.cross_entropy(model.lm_head(output.last_hidden_state[kept]), targets[kept], reduction="sum")
    if not guided:
        return loss, loss
    return loss, loss + WEIGHT * kept.sum() * guidance_loss(model, output.hidden_states, ids, targets)


class Run:
    """One training run: model, optimizers, data stream and their files in `folder`."""

    def __init__(self, plan: Plan, folder: Path, tokenizer_folder: Path, data: Path) -> None:
        self.plan, self.folder, self.progress = plan, folder, Progress()
        self.tokenizer_folder = tokenizer_folder
        self.conversations: list[Conversation] = load_conversations(data)
        self.fast = AutoTokenizer.from_pretrained(tokenizer_folder)
        self.tokenizer: Tokenizer = self.fast.backend_tokenizer
        torch.manual_seed(plan.seed)
        # One operation over several threads waits for the slowest at each of its ends, which costs most of the time
        # on a busy machine; here each thread computes batches of its own.
        torch.set_num_threads(1)
        self.pool = ThreadPoolExecutor(plan.threads, initializer=torch.set_num_threads, initargs=(1,))
        self.set_model(new_model(len(self.fast), LAYERS // 2 if plan.grow_at > 0 else LAYERS))
        self.progress.grown = plan.grow_at <= 0
        folder.mkdir(parents=True, exist_ok=True)

    def set_model(self, model: LlamaForCausalLM) -> None:
        """Take a model and build its optimizers."""
        self.model = model
        self.parameters = list(model.parameters())
        self.optimizers = build_optimizers(model, self.plan.matrix_lr, self.plan.other_lr)

    def grow_model(self) -> None:
        """Double the layers; the embedding keeps its optimizer state, the layers start with a new one."""
        kept = self.optimizers[1].state[self.model.model.embed_tokens.weight]
        self.set_model(grow(self.model))
        self.optimizers[1].state[self.model.model.embed_tokens.weight] = kept
        self.progress.grown = True

    def gradients(self, batch: torch.Tensor) -> tuple[float, tuple[torch.Tensor, ...]]:
        """Return the summed loss of a batch and its gradients."""
        loss, guided_loss = loss_sums(self.model, batch, self.progress.grown)
        return loss.item(), torch.autograd.grad(guided_loss, self.parameters)

    def step(self, rows: Iterator[torch.Tensor]) -> float:
        """Do one update and return the mean loss in nats per labelled token."""
        share = self.progress.share(self.plan)
        rate = min(1.0, (share + 1e-3) / WARM_UP, (1.0 - share) / (1.0 - DECAY_FROM))
        batches = micro_batches(rows, self.plan, self.progress.row_tokens(self.plan))
        labelled = sum(int((batch[:, 1, 1:] != NO_LOSS).sum()) for batch in batches)
        total = 0.0
        for loss, gradients in self.pool.map(self.gradients, batches):
            total += loss / labelled
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                gradient /= labelled
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        self.progress.tokens += sum(batch[:, 0, :-1].numel() for batch in batches)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * rate
            optimizer.step()
            optimizer.zero_grad()
        self.progress.steps += 1
        return total

    def train(self) -> None:
        """Train to the end of the plan, with regular checkpoints, evaluations and log lines."""
        source = SampleSource(training_part(self.conversations), self.plan.seed + self.progress.steps)
        rows = rows_of(source, self.tokenizer, self.plan, self.progress)
        last = checkpointed = time.monotonic()
        evaluated, losses = self.progress.seconds, []
        while self.progress.share(self.plan) < 1.0:
            if not self.progress.grown and self.progress.share(self.plan) >= self.plan.grow_at:
                self.grow_model()
            losses.append(self.step(rows))
            now = time.monotonic()
            self.progress.seconds += now - last
            last = now
            if self.progress.steps % LOG_EVERY == 0:
                self.log(loss=round(sum(losses) / len(losses), 4))
                losses = []
            if now - checkpointed > CHECKPOINT_SECONDS:
                self.checkpoint()
                checkpointed = now
            if self.progress.seconds - evaluated > self.plan.evaluate_every * 60:
                self.evaluate(count=60)
                evaluated = self.progress.seconds
        if losses:
            self.log(loss=round(sum(losses) / len(losses), 4))
        self.checkpoint()
        self.evaluate(count=300)

    def log(self, **numbers: float) -> None:
        """Append a line of numbers to log.jsonl and print it."""
        line = json.dumps(asdict(self.progress) | {"seconds": round(self.progress.seconds)} | numbers)
        print(line, flush=True)
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(line + "\n")

    def evaluate(self, count: int) -> None:
        """Write the model as a folder that transformers loads, and score it on `count` held-out conversations."""
        model = self.save_model(self.folder / "model").float()
        bits = bits_per_byte(model, self.tokenizer, self.conversations, count)
        share, _, saving = persona_test(model, self.tokenizer, self.conversations)
        self.log(bits_per_byte=round(bits, 4), persona_share=round(share, 3), persona_saving=round(saving, 4))

    def save_model(self, folder: Path) -> LlamaForCausalLM:
        """Write weights in bfloat16, configuration and tokenizer; return the model as written."""
        plain = new_model(self.model.config.vocab_size, self.model.config.num_hidden_layers)
        plain.load_state_dict(self.model.state_dict())
        plain = plain.to(torch.bfloat16)
        # The tokenizer's folder may be a model's own; the weights are written last, so that they are these.
        shutil.copytree(self.tokenizer_folder, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        plain.save_pretrained(folder)
        return plain

    def checkpoint(self) -> None:
        """Write everything that `resume` needs."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress),
        }
        torch.save(state, self.folder / "checkpoint.new")
        (self.folder / "checkpoint.new").replace(self.folder / "checkpoint.pt")

    def resume(self, set_back: float = 0.0) -> None:
        """Continue from the last checkpoint; the data stream continues with another seed.

        With `set_back`, the schedule is put back to that share, and the plan's minutes are what is left from there:
        so a finished run learns on, its learning rates raised again and brought down once more.
        """
        state = torch.load(self.folder / "checkpoint.pt")
        self.progress = Progress(**state["progress"])
        if set_back:
            self.progress.seconds = 60 * self.plan.minutes * set_back / (1 - set_back)
            self.plan.minutes += self.progress.seconds / 60
        if self.progress.grown and self.model.config.num_hidden_layers < LAYERS:
            self.set_model(grow(self.model))
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="gzipped lines of conversations")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--set-back", type=float, default=0.0, metavar="SHARE", help="resume from this share again")
    for name, value in asdict(Plan()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    args = parser.parse_args()
    plan = Plan(**{name: getattr(args, name) for name in asdict(Plan())})
    run = Run(plan, args.out, args.tokenizer, args.data)
    if args.resume:
        run.resume(args.set_back)
    run.train()


if __name__ == "__main__":
    main()
