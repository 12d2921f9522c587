"""Settings that only the worker can decide, from the machine, the base and the tokenised data; each with a reason.

The decided plan is written back, so a resumed run decides nothing again and takes the same steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

from chatclone.bases.inspect_base import Base
from chatclone.i18n.message import Message
from chatclone.training.device import Machine, choose_device, choose_dtype, choose_quantisation, weight_bytes
from chatclone.training.plan import Plan
from chatclone.training.schedule import Schedule
from chatclone.training.setting_bounds import AUTO
from chatclone.training.tokenized_data import fitting_length

SMALL_SHARE = 0.25
"""If the weights take less of the free memory than this, activations fit as well."""
SAFE_SHARE = 0.9
"""Checkpointing stays off if a measured pass took less of the GPU's memory than this."""


class Fit(NamedTuple):
    """Memory of a pass over the longest row without checkpointing, in MB; None if it did not fit."""

    memory_mb: float | None
    total_mb: float


def decide_for_machine(plan: Plan, machine: Machine, base: Base) -> Plan:
    """Decide device, number type, quantisation and optimizer."""
    plan = _decide(plan, "device", choose_device(machine, plan.settings.device))
    plan = _decide(plan, "dtype", choose_dtype(machine, base, plan.settings.dtype))
    assert plan.settings.dtype != AUTO
    quantisation = choose_quantisation(machine, base, plan.settings.dtype, plan.settings.quantisation)
    plan = _decide(plan, "quantisation", quantisation)
    if machine.device == "cuda":
        optimizer = "paged_adamw_8bit", Message("8-bit states, moved to main memory when the GPU is full")
    else:
        optimizer = "adamw", Message("an adapter's optimizer states are small beside the base")
    return _decide(plan, "optimizer", optimizer)


def decide_length(plan: Plan, lengths: Sequence[int], context: int) -> Plan:
    """Decide how many tokens a sample may have, given the samples' lengths and the base's context."""
    wanted = plan.settings.max_length
    if wanted == AUTO:
        return plan.decided(max_length=fitting_length(lengths, context))
    if wanted > context:
        why = Message("the base's context is {context}; {wanted} was asked for", context=context, wanted=wanted)
        return plan.decided(max_length=(context, why))
    return plan


def decide_rows(plan: Plan, steps: Schedule) -> Plan:
    """Take the rows at once that the schedule arrived at."""
    rows = steps.rows_at_once
    if plan.settings.rows_at_once == rows:
        return plan
    template = "{rows} of {row_tokens} tokens ({tokens} in all) of the {rows_per_step} of a step"
    values = {"row_tokens": steps.row_tokens, "tokens": rows * steps.row_tokens, "rows_per_step": steps.rows_per_step}
    return plan.decided(rows_at_once=(rows, Message(template, rows=rows, **values)))


def needs_measuring(plan: Plan, machine: Machine, base: Base) -> bool:
    """Return whether a pass is needed to tell if activations fit: the weights take a large part of a GPU's memory."""
    if plan.settings.checkpointing != AUTO or machine.device != "cuda":
        return False
    return _weight_share(plan, machine, base) >= SMALL_SHARE


def decide_checkpointing(plan: Plan, machine: Machine, base: Base, fit: Fit | None) -> Plan:
    """Decide on checkpointing, from a measured pass if there was one."""
    if plan.settings.checkpointing != AUTO:
        return plan
    if fit is None:
        share = _weight_share(plan, machine, base)
        if share < SMALL_SHARE:
            why = "the weights take {share:.0%} of the free memory: activations fit, and it is faster"
            return plan.decided(checkpointing=("off", Message(why, share=share)))
        return plan.decided(
            checkpointing=("on", Message("the weights take {share:.0%} of the free memory", share=share))
        )
    if fit.memory_mb is None:
        return plan.decided(checkpointing=("on", Message("without it a pass over the longest row did not fit")))
    why = "a pass over the longest row took {used:,.0f} of {total:,.0f} MB without it"
    value = "off" if fit.memory_mb < SAFE_SHARE * fit.total_mb else "on"
    return plan.decided(checkpointing=(value, Message(why, used=fit.memory_mb, total=fit.total_mb)))


def _weight_share(plan: Plan, machine: Machine, base: Base) -> float:
    """Return the share of the free memory that the weights take."""
    assert plan.settings.dtype != AUTO
    return weight_bytes(base, plan.settings.quantisation, plan.settings.dtype) / machine.free


def _decide(plan: Plan, key: str, decision: tuple[object, str]) -> Plan:
    """Decide a setting that is still open; one that the user or the preset set keeps its reason."""
    return plan.decided(**{key: decision}) if getattr(plan.settings, key) == AUTO else plan
