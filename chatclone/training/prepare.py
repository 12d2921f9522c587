"""From a plan to everything a trainer needs: the base loaded, the data tokenised, every setting decided.

torch is imported when `prepare` is called.
"""

import gc
from dataclasses import replace
from pathlib import Path

import msgspec

from chatclone.bases.inspect_base import Base, describe
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatTemplate
from chatclone.training import auto_settings, distributed
from chatclone.training.device import find_machine
from chatclone.training.events import PLAN_FILE, BaseLoaded, DataReady, EventLog
from chatclone.training.memory_samples import Share, add_memory_from
from chatclone.training.plan import Plan
from chatclone.training.prepared import Prepared
from chatclone.training.schedule import schedule
from chatclone.training.setting_bounds import AUTO
from chatclone.training.tokenized_data import (
    Conversation,
    TokenizedData,
    neutral_conversations,
    read_conversations,
    tokenize,
)


def prepare(plan: Plan, log: EventLog) -> Prepared:
    """Load the base and the data and decide what the plan left open; the decided plan is written to its folder."""
    import datasets

    from chatclone.training.load_base import load

    datasets.disable_caching()
    machine = find_machine(plan.settings.device)
    distributed.join(machine.device)
    if distributed.sharded():  # each process holds a part of the base
        machine = machine._replace(free=machine.free * distributed.processes())
    base = describe(plan.base, Path(plan.base_folder))
    if distributed.is_first():
        plan = auto_settings.decide_for_machine(plan, machine, base)
    plan = distributed.broadcast(plan)
    loaded = load(base.folder, plan.settings)
    log.write(BaseLoaded(text=str(loaded)))
    if not loaded.own_template:
        log.notice("the base has no chat template: chatclone's own is used, with a stop marker")
    plan, train_data, mixed_in = _train_data(plan, base, loaded.template)
    eval_data = _eval_data(plan, loaded.template)
    plan = _with_digest(plan, train_data.digest)
    lengths = [len(sample.ids) for sample in train_data.samples]
    steps = schedule(lengths, train_data.replies, plan.settings, distributed.processes())
    plan = auto_settings.decide_rows(plan, steps)
    ready = _decide_checkpointing(Prepared(plan, machine, base, loaded, train_data, eval_data, steps, mixed_in), log)
    if distributed.is_first():
        ready.plan.write(Path(plan.folder) / PLAN_FILE)
    log.write(DataReady())
    if mixed_in["undated_samples"] == len(train_data.samples) + train_data.refused:
        log.notice("no sample has the time of its session, so none gets recalled lines: import again for that")
    return ready


def free_memory() -> None:
    """Release memory that nothing refers to any longer, on a GPU too."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _with_digest(plan: Plan, digest: str) -> Plan:
    """Note the hash of the data; a resumed run whose data has changed is refused, since its steps would differ."""
    if plan.resume and plan.data_digest and digest != plan.data_digest:
        raise ChatcloneError(
            "the data set or the memory has changed since run {run} was started, so it cannot be resumed",
            "chatclone train starts a new run on the present data",
            run=plan.run,
        )
    if distributed.broadcast(digest) != digest:
        raise ChatcloneError(
            "process {number} of run {run} has different data than the first one",
            "the same data set, memory and base must be at the same path on every machine",
            number=distributed.rank(),
            run=plan.run,
        )
    return msgspec.structs.replace(plan, data_digest=digest)


def _train_data(plan: Plan, base: Base, template: ChatTemplate) -> tuple[Plan, TokenizedData, dict[str, int]]:
    """Return the plan with its length decided, the training samples, and the counts of what was mixed in."""
    conversations, mixed_in = _conversations(plan, base.context, template)
    data = tokenize(conversations, template, base.context)
    if data.samples:
        plan = auto_settings.decide_length(plan, [len(sample.ids) for sample in data.samples], base.context)
        limit = int(plan.settings.max_length)
        if data.longest > limit:
            # Recalled lines give way first: the same samples, with as many lines as still fit.
            conversations, mixed_in = _conversations(plan, base.context, template)
            data = tokenize(conversations, template, limit)
    _require_samples(plan.train_file, data)
    return plan, data, mixed_in


def _conversations(plan: Plan, context: int, template: ChatTemplate) -> tuple[list[Conversation], dict[str, int]]:
    """Return the conversations to train on: the person's own, some with memory, and neutral ones if asked for."""
    s = plan.settings
    conversations, metas = read_conversations(Path(plan.train_file), plan.system)
    mixed_in = {"memory_samples": 0, "irrelevant_memory_samples": 0, "undated_samples": 0, "replay_samples": 0}
    if s.memory_share and plan.memory_file:
        added = add_memory_from(
            Path(plan.memory_file),
            conversations,
            metas,
            Share(s.memory_share, s.memory_irrelevant),
            template,
            context=context,
            limit=context if s.max_length == AUTO else min(s.max_length, context),
            name=plan.name,
            seed=s.seed,
            redact=plan.redact,
        )
        conversations = added.conversations
        mixed_in |= {"memory_samples": added.with_memory, "irrelevant_memory_samples": added.irrelevant}
        mixed_in["undated_samples"] = added.undated
    if s.replay_file:
        neutral = neutral_conversations(Path(s.replay_file), s.replay_share, len(conversations), s.seed)
        conversations = [*conversations, *neutral]
        mixed_in["replay_samples"] = len(neutral)
    return conversations, mixed_in


def _eval_data(plan: Plan, template: ChatTemplate) -> TokenizedData:
    """Return the held-out samples, always without memory, so that the losses of two runs can be compared."""
    conversations, _ = read_conversations(Path(plan.eval_file), plan.system)
    data = tokenize(conversations, template, int(plan.settings.max_length))
    _require_samples(plan.eval_file, data)
    return data


def _require_samples(file: str, data: TokenizedData) -> None:
    if not data.samples:
        raise ChatcloneError(
            "no line of {file} can be trained on",
            "chatclone data sample shows them; max_length may be too small for any reply",
            file=Path(file).name,
        )


def _decide_checkpointing(ready: Prepared, log: EventLog) -> Prepared:
    """Decide on checkpointing, by a pass over the longest row if needed and if there is only one process."""
    fit = None
    if distributed.processes() == 1 and auto_settings.needs_measuring(ready.plan, ready.machine, ready.base):
        from chatclone.training.load_base import load
        from chatclone.training.probe import fit_without_checkpointing
        from chatclone.training.trainer import build

        trainer = build(replace(ready, plan=ready.plan.decided(checkpointing=("off", "to measure"))), log)
        fit = fit_without_checkpointing(trainer)
        del trainer
        # The base now has the adapter of the trial around it: load it again.
        ready = replace(ready, loaded=None)
        free_memory()
        ready = replace(ready, loaded=load(ready.base.folder, ready.plan.settings))
    plan = auto_settings.decide_checkpointing(ready.plan, ready.machine, ready.base, fit)
    return replace(ready, plan=distributed.broadcast(plan))
