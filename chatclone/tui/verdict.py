"""What a training came to, in words: figures that everybody can read, and what would help where they are poor."""

import math
from typing import Any

LITTLE = 0.02
"""Below this share of the base's eval loss the adapter changes next to nothing."""
OVER = 0.6
"""Where the best evaluation came before this share of the steps, the rest learnt by heart."""
ENDED = {
    "early": "It ended by itself, as there was no more progress.",
    "by_user": "You stopped it; what it had learnt by then is kept, and it can go on.",
    "finished": "It ran to its end.",
}


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
    if result["stopped"] != "by_user" and best < OVER * steps:
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
