"""`chatclone train`: an adapter that writes as the person does."""

import argparse
from typing import Any

from chatclone.cli.options import Status, current_persona, emit
from chatclone.errors import UsageError


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("train", parents=parents, help="train the persona's adapter")
    option = parser.add_argument
    option(
        "--base",
        metavar="ID_OR_DIR",
        help="the base model: starter, a folder, or a hub id (default: as before)",
    )
    option(
        "--preset",
        default="persona",
        metavar="NAME",
        help="the set of settings to begin with (default: persona)",
    )
    option(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting; may be repeated",
    )
    option("--resume", action="store_true", help="go on with an interrupted run")
    option(
        "--plan",
        "--dry-run",
        action="store_true",
        help="show every setting with its reason and stop",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plan, train, and report."""
    from chatclone.training.plan import make_plan
    from chatclone.training.run import last_unfinished
    from chatclone.training.run import run as train

    persona = current_persona(args)
    overrides = dict(_pair(text) for text in args.set)
    if args.resume:
        plan = last_unfinished(persona)
    else:
        plan = make_plan(persona, args.base or persona.base, args.preset, overrides)
    if args.plan:
        document = {"run": plan.run, "base": plan.base, "preset": plan.preset}
        emit(
            args,
            {**document, "settings": plan.settings, "reasons": plan.reasons},
            plan_text(plan),
        )
        return 0
    progress = Progress()
    result = train(persona, plan, progress.take)
    progress.finish()
    emit(args, result, result_text(result, persona.name))
    return 0


def plan_text(plan: Any) -> str:
    """Return the plan as a table of values and reasons."""
    rows = [f"{k:>22} {plan.settings[k]!s:<12} {plan.reasons[k]}" for k in plan.settings]
    return "\n".join([f"{plan.base}, preset {plan.preset}: {plan.reasons['data']}", *rows])


def result_text(result: dict[str, Any], name: str) -> str:
    """Return what a run came to, in a few lines."""
    ended = {
        "early": "stopped early: no more progress",
        "by_user": "stopped by you",
        "finished": "ran to its end",
    }
    return "\n".join(
        [
            f"eval loss       {result['base_eval_loss']:.3f} → {result['eval_loss']:.3f}   ({name}'s held-out replies)",
            f"token accuracy  {result['base_eval_token_accuracy']:.3f} → {result['eval_token_accuracy']:.3f}",
            f"{result['steps']} steps in {result['seconds']:.0f} s, {result['tokens_per_second']:,.0f} tokens/s, "
            f"{result['peak_memory_mb']:,.0f} MB; {ended[result['stopped']]}",
            f"adapter: {result['adapter']}",
        ]
    )


class Progress:
    """One line: a bar, the step, the losses, and the time left."""

    def __init__(self) -> None:
        self._status = Status()
        self._steps = 0
        self._loss = self._eval = ""

    def take(self, event: dict[str, Any]) -> None:
        """Show an event of the worker."""
        match event:
            case {"kind": "begin", "steps": steps}:
                self._steps = steps
            case {"kind": "step", "loss": loss, "step": step, "seconds": seconds}:
                self._loss = f"loss {loss:.3f}"
                left = seconds / max(step, 1) * (self._steps - step)
                self._show(step, f"{left // 60:.0f}:{left % 60:02.0f} left")
            case {"kind": "eval", "eval_loss": loss, "step": step}:
                self._eval = f"eval {loss:.3f}"
                self._show(step, "")
            case {"kind": "stopping"}:
                self._status.show("stopping after this step, keeping what was learnt …")
            case {"kind": "data"}:
                self._status.show("evaluating the base …")

    def finish(self) -> None:
        """Remove the line."""
        self._status.clear()

    def _show(self, step: int, left: str) -> None:
        done = round(24 * step / self._steps) if self._steps else 0
        bar = "█" * done + "░" * (24 - done)
        self._status.show(f"{bar} {step}/{self._steps}  {self._loss}  {self._eval}  {left}")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text} has no value", "--set learning_rate=1e-4")
    return key, value
