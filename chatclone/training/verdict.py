"""What a training came to, in words: whether it still improved, is good or memorises, and what the figures mean.

Light: it judges curves and results, and loads nothing.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from chatclone.training.curves import Curves, Evaluation

LITTLE = 0.02
"""Below this share of the base's eval loss the adapter changes next to nothing."""
HARDLY = 0.005
"""Below this share it changes nothing."""
OVER = 0.6
"""Where the best evaluation came before this share of the steps, the rest learnt by heart."""
RISE = 0.03
"""The share of what was won that the eval loss must move by to count as rising, or as still falling."""
RECOGNISED = 0.08
"""Where the train loss falls by this share of itself as an epoch begins, replies are recognised."""
ENDED = {
    "early": "It ended by itself, as there was no more progress.",
    "by_user": "You stopped it; what it had learnt by then is kept, and it can go on.",
    "finished": "It ran to its end.",
}

State = Literal["still improving", "good", "memorising", "unsteady", "nothing learnt"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the curves of a run say of it, and why."""

    state: State
    reason: str


def judge(curves: Curves, threshold: float) -> Verdict:
    """Return the verdict on a run's curves; a fall of the eval loss by less than `threshold` is no progress."""
    best, last, base = curves.best, curves.learnt[-1], curves.base
    won = base.loss - best.loss
    if won <= 0:
        return Verdict(
            "nothing learnt",
            f"the eval loss never fell below the base's {base.loss:.2f}: the lowest was {best.loss:.2f}",
        )
    if won < HARDLY * base.loss:
        return Verdict(
            "nothing learnt",
            f"the eval loss hardly moved, from {base.loss:.3f} to {best.loss:.3f}: a higher learning rate or more "
            "epochs would move it",
        )
    margin = max(threshold, RISE * won)
    if last.loss - best.loss > margin:
        return _risen(curves)
    before = _before(curves, last)
    fell, drop = before.loss - last.loss, curves.epoch_drop() or 0.0
    recognised = f"the train loss falls by {drop:.0%} as an epoch begins, as for replies seen before"
    if fell > margin:
        told = f"the eval loss fell by {fell:.2f} in the last {last.step - before.step} steps, to {last.loss:.2f}: "
        aside = f"; {recognised}, so part of what it learns by now is those" if drop > RECOGNISED else ""
        return Verdict("still improving", f"{told}more epochs would take it further{aside}")
    if drop > RECOGNISED:
        level = f"and the eval loss no longer falls with it: {before.loss:.2f}, then {last.loss:.2f}"
        return Verdict("memorising", f"{recognised}, {level}")
    return Verdict(
        "good",
        f"the eval loss fell by {won:.2f} and is level at {last.loss:.2f}: more epochs would bring little, and nothing "
        "speaks of replies learnt by heart",
    )


def _before(curves: Curves, last: Evaluation) -> Evaluation:
    """Return the evaluation to compare the last one with: the one at a run's very end comes soon after another."""
    usual = curves.learnt[0].step
    earlier = [e for e in curves.evaluations if e.step <= last.step - usual / 2]
    return earlier[-1] if earlier else curves.base


def _risen(curves: Curves) -> Verdict:
    """Return what it means that the eval loss rose after its best: by heart where the train loss went on falling."""
    best, last = curves.best, curves.learnt[-1]
    span = max(1, last.step - best.step)
    then, now = curves.train_loss(best.step - span, best.step), curves.train_loss(best.step, last.step)
    rose = f"the eval loss rose from {best.loss:.2f} at step {best.step} to {last.loss:.2f} at step {last.step}"
    kept = f"the adapter of step {best.step} is kept"
    if then is not None and now is not None and now >= then:
        return Verdict("unsteady", f"{rose}, and the train loss with it: a lower learning rate would help; {kept}")
    return Verdict("memorising", f"{rose} while the train loss went on falling: from there on by heart; {kept}")


def verdict(result: dict[str, Any], name: str) -> list[str]:
    """Return the verdict on a run's result, a sentence or two a line."""
    before, after = result["base_eval_loss"], result["eval_loss"]
    figures = (
        f"On {name}'s held-out replies the loss fell from {before:.2f} to {after:.2f}: of each next word it was "
        f"unsure as among {_choices(before)}, now as among {_choices(after)}. "
        f"It is right in {result['eval_token_accuracy']:.0%} of tokens, before in "
        f"{result['base_eval_token_accuracy']:.0%}."
    )
    if after >= before:
        figures = f"On {name}'s held-out replies the loss was {before:.2f} and is {after:.2f}."
    lines = [_in_short(before, after, name), figures]
    best, steps = result.get("best_step", result["steps"]), result["steps"]
    if told := result.get("verdict"):
        lines.append(f"{told['state'].capitalize()}: {told['reason']}.")
    elif result["stopped"] != "by_user" and best < OVER * steps:
        lines.append(f"It was best at step {best} of {steps}, and that one is kept; after it, it learnt by heart.")
    minutes, seconds = divmod(round(result["seconds"]), 60)
    took = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    lines.append(
        f"{ENDED[result['stopped']]} {steps} steps in {took}, {result['tokens_per_second']:,.0f} tokens/s, "
        f"{result['peak_memory_mb']:,.0f} MB at most."
    )
    return lines


def _in_short(before: float, after: float, name: str) -> str:
    if after >= before:
        return f"It learnt nothing that holds for new replies. More of {name}'s chats would help, or a larger base."
    if before - after < LITTLE * before:
        return f"It learnt a little of {name}'s manner. More chats, more epochs or a larger base would show more."
    return f"It learnt to write more like {name}."


def _choices(loss: float) -> str:
    """Return the perplexity of a loss, as people count."""
    perplexity = math.exp(min(loss, 20))
    return f"{perplexity:,.0f}" if perplexity >= 10 else f"{perplexity:.1f}"
