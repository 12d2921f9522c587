"""The verdict on a run: whether it still improved, is good or memorises, and its figures in plain words."""

import math

from chatclone.i18n.message import Message
from chatclone.training.loss_history import Curves, Evaluation
from chatclone.training.run_result import RunResult, Verdict

LITTLE = 0.02
"""If the eval loss falls by less than this share of the base's, the adapter changes little."""
HARDLY = 0.005
"""Below this share it changes nothing."""
MARGIN = 0.03
"""The eval loss is rising or falling if it moves by at least this share of the whole improvement."""
RECOGNISED = 0.08
"""If the train loss drops by this share when an epoch begins, replies are recognised."""
ENDED = {
    "early": Message("It stopped early: no more progress."),
    "by_user": Message("You stopped it; what it learnt is kept, and it can be resumed."),
    "finished": Message("It ran to its end."),
}


def judge(curves: Curves, threshold: float) -> Verdict:
    """Return the verdict on a run's curves; a fall of the eval loss by less than `threshold` is no progress."""
    best, last, base = curves.best, curves.trained[-1], curves.base
    gain = base.loss - best.loss
    if gain <= 0:
        why = "the eval loss never fell below the base's {base:.2f}: the lowest was {best:.2f}"
        return Verdict("nothing learnt", Message(why, base=base.loss, best=best.loss))
    if gain < HARDLY * base.loss:
        why = "the eval loss hardly moved, from {base:.3f} to {best:.3f}: try a higher learning rate or more epochs"
        return Verdict("nothing learnt", Message(why, base=base.loss, best=best.loss))
    margin = max(threshold, MARGIN * gain)
    if last.loss - best.loss > margin:
        return _risen(curves)
    before = _before(curves, last)
    fell, drop = before.loss - last.loss, curves.epoch_drop() or 0.0
    values = {"fell": fell, "steps": last.step - before.step, "before": before.loss, "loss": last.loss, "drop": drop}
    if fell > margin:
        why = "the eval loss fell by {fell:.2f} in the last {steps} steps, to {loss:.2f}: more epochs would help"
        if drop > RECOGNISED:
            why += "; the train loss drops by {drop:.0%} when an epoch begins, so part of it is memorising"
        return Verdict("still improving", Message(why, **values))
    if drop > RECOGNISED:
        why = "the train loss drops by {drop:.0%} when an epoch begins, while the eval loss stays level: {before:.2f}, "
        return Verdict("memorising", Message(why + "then {loss:.2f}", **values))
    why = "the eval loss fell by {gain:.2f} and is level at {loss:.2f}, without signs of memorising"
    return Verdict("good", Message(why, gain=gain, **values))


def _before(curves: Curves, last: Evaluation) -> Evaluation:
    """Return the evaluation to compare the last one with; the one at a run's end may come soon after another."""
    usual = curves.trained[0].step
    earlier = [e for e in curves.evaluations if e.step <= last.step - usual / 2]
    return earlier[-1] if earlier else curves.base


def _risen(curves: Curves) -> Verdict:
    """Return the verdict on an eval loss that rose after its best: memorising if the train loss went on falling."""
    best, last = curves.best, curves.trained[-1]
    span = max(1, last.step - best.step)
    then, now = curves.train_loss(best.step - span, best.step), curves.train_loss(best.step, last.step)
    rose = "the eval loss rose from {best:.2f} at step {best_step} to {last:.2f} at step {last_step}"
    values = {"best": best.loss, "best_step": best.step, "last": last.loss, "last_step": last.step}
    if then is not None and now is not None and now >= then:
        why = rose + ", and the train loss rose too: try a lower learning rate; the adapter of step {best_step} is kept"
        return Verdict("unsteady", Message(why, **values))
    why = rose + " while the train loss went on falling; the adapter of step {best_step} is kept"
    return Verdict("memorising", Message(why, **values))


def sentences(result: RunResult, name: str) -> list[str]:
    """Return what a run came to in plain words; `name` is the persona's."""
    values = {
        "name": name,
        "before": result.base_eval_loss,
        "after": result.eval_loss,
        "then": perplexity(result.base_eval_loss),
        "now": perplexity(result.eval_loss),
        "right": result.eval_token_accuracy,
        "right_before": result.base_eval_token_accuracy,
    }
    if result.eval_loss < result.base_eval_loss:
        figures = (
            "On {name}'s held-out replies perplexity fell from {then} to {now} (loss {before:.2f} to {after:.2f}). "
            "The first guess is right for {right:.0%} of tokens, before training {right_before:.0%}."
        )
    else:
        figures = "On {name}'s held-out replies the loss was {before:.2f} before training and {after:.2f} after."
    ended = "{ended} {steps} steps in {minutes} min {seconds} s, {speed:,.0f} tokens/s, peak memory {memory:,.0f} MB."
    minutes, seconds = divmod(round(result.seconds), 60)
    return [
        _in_short(result.base_eval_loss, result.eval_loss, name),
        Message(figures, **values),
        f"{result.verdict.state.capitalize()}: {result.verdict.reason}.",
        Message(
            ended,
            ended=ENDED[result.stopped],
            steps=result.steps,
            minutes=minutes,
            seconds=seconds,
            speed=result.tokens_per_second,
            memory=result.peak_memory_mb,
        ),
    ]


def perplexity(loss: float) -> str:
    """Return the perplexity of a loss in nats a token, rounded for reading."""
    value = math.exp(min(loss, 20))
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _in_short(before: float, after: float, name: str) -> Message:
    if after >= before:
        text = "It learnt nothing that helps with new replies. More of {name}'s chats or a larger base would help."
    elif before - after < LITTLE * before:
        text = "It learnt a little of {name}'s style. More chats, more epochs or a larger base would help."
    else:
        text = "It learnt to write more like {name}."
    return Message(text, name=name)
