"""From a plan to everything a trainer is built from: the base loaded, the data tokenised, and nothing left open.

Imports torch only when called.
"""

import gc
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chatclone.bases.inspect_base import Base, describe
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatTemplate
from chatclone.training import auto_settings, distributed
from chatclone.training.device import Machine, look
from chatclone.training.events import PLAN_FILE, EventLog
from chatclone.training.memory_samples import Share, remind_from
from chatclone.training.plan import Plan
from chatclone.training.replay import replayed
from chatclone.training.schedule import Schedule, schedule
from chatclone.training.tokenized_data import Conversation, TokenizedData, read_conversations, tokenize


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything a trainer is built from; `mixed` counts the samples with memory and the neutral ones."""

    plan: Plan
    machine: Machine
    base: Base
    loaded: Any
    train: TokenizedData
    eval: TokenizedData
    steps: Schedule
    mixed: dict[str, int]

    def data_document(self) -> dict[str, int]:
        """Return the counts of the data: never a text."""
        return {
            "samples": len(self.train.samples),
            "replies": self.train.replies,
            "tokens": self.train.tokens,
            "trained_tokens": self.train.trained_tokens,
            "dropped_turns": self.train.dropped_turns,
            "refused": self.train.refused,
            "eval_samples": len(self.eval.samples),
            "eval_replies": self.eval.replies,
            "eval_tokens": self.eval.tokens,
            **self.mixed,
        }


def prepare(plan: Plan, log: EventLog) -> Prepared:
    """Load the base and the data, and decide on the way what the plan left open; the whole plan is written down."""
    import datasets

    from chatclone.training.load_base import load

    datasets.disable_caching()
    machine = look(plan.settings["device"])
    distributed.join(machine.device)
    if distributed.sharded():  # each holds its part of the base
        machine = replace(machine, free=machine.free * distributed.processes())
    base = describe(plan.base, Path(plan.base_folder))
    plan = distributed.agreed(auto_settings.on_machine(plan, machine, base) if distributed.is_first() else plan)
    loaded = load(base.folder, plan.settings)
    log.write("loaded", text=str(loaded), layers=loaded.layers, megabytes=loaded.bytes / 1e6)
    if not loaded.own_template:
        log.write("notice", text="the base brings no chat template: chatclone's own is used, with a stop marker")
    plan, train_data, mixed = _train_data(plan, base, loaded.template)
    eval_data = _eval_data(plan, loaded.template)
    plan = _with_digest(plan, train_data.digest)
    lengths = [len(sample.ids) for sample in train_data.samples]
    steps = schedule(lengths, train_data.replies, plan.settings, distributed.processes())
    plan = auto_settings.on_schedule(plan, steps)
    ready = _checkpointing(Prepared(plan, machine, base, loaded, train_data, eval_data, steps, mixed), log)
    if distributed.is_first():
        ready.plan.write(Path(plan.folder) / PLAN_FILE)
    log.write("plan", settings=ready.plan.settings, reasons=ready.plan.reasons)
    log.write("data", **steps.document(), **ready.data_document())
    if mixed["undated_samples"] == len(train_data.samples) + train_data.refused:
        text = "no sample says when its session began, so none learns to use memory: import again for that"
        log.write("notice", text=text)
    return ready


def free_memory() -> None:
    """Give back what nothing refers to any longer, on a GPU too."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _with_digest(plan: Plan, digest: str) -> Plan:
    """Note what the data is, or on a resumed run refuse data that has changed: its steps would be others."""
    if plan.resume and plan.data_digest and digest != plan.data_digest:
        raise ChatcloneError(
            f"the data set or the memory has changed since run {plan.run} was begun, which can only go on as it began",
            "chatclone train begins a new run on the data as it is now",
        )
    if distributed.agreed(digest) != digest:
        raise ChatcloneError(
            f"process {distributed.number()} of run {plan.run} has other data than the first one",
            "the same data set, memory and base must lie at the same place on every machine",
        )
    return replace(plan, data_digest=digest)


def _train_data(plan: Plan, base: Base, template: ChatTemplate) -> tuple[Plan, TokenizedData, dict[str, int]]:
    """Return the training samples, the plan with the length they need, and what was mixed in."""
    conversations, mixed = _conversations(plan, base.context, template)
    whole = tokenize(conversations, template, base.context)
    if whole.samples:
        plan = auto_settings.on_lengths(plan, [len(sample.ids) for sample in whole.samples], base.context)
        if whole.longest <= plan.settings["max_length"]:
            return plan, whole, mixed
        # Recalled lines give way first: the same samples, with as many lines as still fit.
        conversations, mixed = _conversations(plan, base.context, template)
        whole = tokenize(conversations, template, plan.settings["max_length"])
    _require_samples(plan.train_file, whole)
    return plan, whole, mixed


def _conversations(plan: Plan, context: int, template: ChatTemplate) -> tuple[list[Conversation], dict[str, int]]:
    """Return the conversations to train on: the person's own, some with memory, and neutral ones where asked for."""
    s = plan.settings
    conversations, metas = read_conversations(Path(plan.train_file), plan.system)
    mixed = {"memory_samples": 0, "irrelevant_memory_samples": 0, "undated_samples": 0, "replay_samples": 0}
    if s["memory_share"] and plan.memory_file:
        reminded = remind_from(
            Path(plan.memory_file),
            conversations,
            metas,
            Share(s["memory_share"], s["memory_irrelevant"]),
            template,
            context=context,
            limit=_limit(plan, context),
            name=plan.name,
            seed=s["seed"],
            redact=plan.redact,
        )
        conversations = reminded.conversations
        mixed |= {"memory_samples": reminded.with_memory, "irrelevant_memory_samples": reminded.irrelevant}
        mixed["undated_samples"] = reminded.undated
    if s["replay_file"]:
        neutral = replayed(Path(s["replay_file"]), s["replay_share"], len(conversations), s["seed"])
        conversations = [*conversations, *neutral]
        mixed["replay_samples"] = len(neutral)
    return conversations, mixed


def _limit(plan: Plan, context: int) -> int:
    """Return how long a sample may be at most."""
    wanted = plan.settings["max_length"]
    return min(wanted, context) if isinstance(wanted, int) else context


def _eval_data(plan: Plan, template: ChatTemplate) -> TokenizedData:
    """Return the held-out samples, always without memory: so the losses of two runs can be compared."""
    conversations, _ = read_conversations(Path(plan.eval_file), plan.system)
    data = tokenize(conversations, template, plan.settings["max_length"])
    _require_samples(plan.eval_file, data)
    return data


def _require_samples(file: str, data: TokenizedData) -> None:
    if not data.samples:
        raise ChatcloneError(
            f"no line of {Path(file).name} can be trained on",
            "chatclone data sample shows them; a max_length too small for any reply is one cause",
        )


def _checkpointing(ready: Prepared, log: EventLog) -> Prepared:
    """Decide on checkpointing, by a pass over the longest row where only that can tell and one process can try it."""
    fit = None
    if distributed.processes() == 1 and auto_settings.needs_measuring(ready.plan, ready.machine, ready.base):
        from chatclone.training.load_base import load
        from chatclone.training.probe import fit_without_checkpointing
        from chatclone.training.trainer import build

        trial = ready.plan.decided(checkpointing=("off", "to measure"))
        trainer = build(trial, log, ready.loaded, ready.train, ready.eval, ready.steps)
        fit = fit_without_checkpointing(trainer)
        del trainer
        # The adapter of the trial is around the base now: take a fresh one.
        ready = replace(ready, loaded=None)
        free_memory()
        ready = replace(ready, loaded=load(ready.base.folder, ready.plan.settings))
    return replace(ready, plan=distributed.agreed(auto_settings.on_fit(ready.plan, ready.machine, ready.base, fit)))
