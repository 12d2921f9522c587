"""What only the worker can decide, once the machine, the base and the tokenised data are at hand; each with a reason.

A decided plan is written back, so that a resumed run decides nothing anew and takes the same steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chatclone.bases.inspect_base import Base
from chatclone.training.config import AUTO
from chatclone.training.device import Machine, choose_device, choose_dtype, choose_quantisation, weight_bytes
from chatclone.training.plan import Plan
from chatclone.training.schedule import Schedule
from chatclone.training.tokenized_data import fitting_length

SMALL_SHARE = 0.25
"""Where the weights take less of the free memory than this, activations fit as well."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How one pass over the longest row went without checkpointing: the memory it took, in MB, None where too much."""

    memory_mb: float | None
    total_mb: float


def on_machine(plan: Plan, machine: Machine, base: Base) -> Plan:
    """Decide device, number type, quantisation and optimizer."""
    s = plan.settings
    device = choose_device(machine, s["device"])
    plan = _decide(plan, "device", device)
    plan = _decide(plan, "dtype", choose_dtype(machine, base, s["dtype"]))
    wanted = s["quantisation"]
    quantisation = choose_quantisation(machine, base, plan.settings["dtype"], wanted)
    plan = _decide(plan, "quantisation", quantisation)
    if s["optimizer"] == AUTO:
        optimizer = (
            ("paged_adamw_8bit", "8-bit states, moved to main memory when the card is full")
            if machine.device == "cuda"
            else ("adamw", "an adapter's states are small beside the base")
        )
        plan = plan.decided(optimizer=optimizer)
    return plan


def on_lengths(plan: Plan, lengths: Sequence[int], context: int) -> Plan:
    """Decide how long a sequence may be."""
    if plan.settings["max_length"] == AUTO:
        return plan.decided(max_length=fitting_length(lengths, context))
    if plan.settings["max_length"] > context:
        why = f"the base takes no more than {context}; {plan.settings['max_length']} was asked for"
        return plan.decided(max_length=(context, why))
    return plan


def on_schedule(plan: Plan, steps: Schedule) -> Plan:
    """Decide what the schedule came to."""
    if plan.settings["rows_at_once"] == steps.rows_at_once:
        return plan
    tokens = steps.rows_at_once * steps.row_tokens
    why = f"{steps.rows_at_once} of {steps.row_tokens} tokens ({tokens} in all) of the {steps.rows_per_step} of a step"
    return plan.decided(rows_at_once=(steps.rows_at_once, why))


def needs_measuring(plan: Plan, machine: Machine, base: Base) -> bool:
    """Return whether only a pass can tell if activations fit: weights are a large part of a GPU's memory."""
    if plan.settings["checkpointing"] != AUTO or machine.device != "cuda":
        return False
    return _weights(plan, base) >= SMALL_SHARE * machine.free


def on_fit(plan: Plan, machine: Machine, base: Base, fit: Fit | None) -> Plan:
    """Decide on checkpointing, from a measured pass where there was one."""
    if plan.settings["checkpointing"] != AUTO:
        return plan
    if fit is None:
        share = _weights(plan, base) / machine.free
        if share < SMALL_SHARE:
            why = f"the weights take {share:.0%} of the free memory: activations fit, and it is faster"
            return plan.decided(checkpointing=("off", why))
        return plan.decided(checkpointing=("on", f"the weights take {share:.0%} of the free memory"))
    if fit.memory_mb is None:
        return plan.decided(checkpointing=("on", "without it one pass over the longest row did not fit"))
    why = f"one pass over the longest row took {fit.memory_mb:,.0f} of {fit.total_mb:,.0f} MB without it"
    return plan.decided(checkpointing=("off" if fit.memory_mb < 0.9 * fit.total_mb else "on", why))


def _weights(plan: Plan, base: Base) -> float:
    return weight_bytes(base, plan.settings["quantisation"], plan.settings["dtype"])


def _decide(plan: Plan, key: str, decision: tuple[object, str]) -> Plan:
    """Set what was chosen; a reason given by the user or the preset stays."""
    if plan.settings[key] == AUTO:
        return plan.decided(**{key: decision})
    return plan
