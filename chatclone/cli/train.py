"""`chatclone train`: train an adapter that writes like the person."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from chatclone.cli.common_options import Status, current_persona, emit, say
from chatclone.errors import ChatcloneError, UsageError
from chatclone.personas.persona import Persona

if TYPE_CHECKING:
    from chatclone.training.events import AnyEvent
    from chatclone.training.plan import Plan
    from chatclone.training.run_result import RunResult

BAR = 20
"""Characters of the progress bar."""


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("train", parents=parents, help="train the persona's adapter")
    option = parser.add_argument
    option("--base", metavar="ID_OR_DIR", help="the base model: starter, a folder, or a hub id (default: as before)")
    option("--preset", metavar="NAME", help="the settings to start from (default: persona)")
    option("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting; may be repeated")
    option("--resume", action="store_true", help="continue an interrupted run")
    plan = "decide every setting, measure a few steps, print both, and change nothing"
    option("--plan", "--dry-run", action="store_true", help=plan)
    option("--download", action="store_true", help="download the base from the model hub, after showing its size")
    option("--yes", action="store_true", help="download without asking")
    option("--processes", type=int, default=1, metavar="N", help="train with N processes, one a GPU")
    launch = "start them with a configuration for accelerate: fsdp-qlora, or a file"
    option("--launch", default="", metavar="NAME_OR_FILE", help=launch)
    prepare = "write the run's plan and print the commands that train it on so many machines"
    option("--prepare", type=int, metavar="MACHINES", help=prepare)
    option("--adopt", metavar="RUN", help="make the adapter of a finished run the current one")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plan, train, and report."""
    from chatclone.training import train_run
    from chatclone.training.launch import launch

    persona = current_persona(args)
    if args.adopt:
        _emit_result(args, train_run.adopt(persona, args.adopt), persona)
        return 0
    launcher = launch(args.processes, args.launch)
    plan = _plan(args, persona)
    say(f"licence of {plan.base}: {plan.licence}")
    if args.prepare is not None:
        _prepare(args, plan)
        return 0
    progress = Progress()
    if args.plan:
        document = _measure(plan, progress)
        emit(args, document, plan_text(document))
        return 0
    result = train_run.run(persona, plan, progress.take, launcher)
    progress.finish()
    _emit_result(args, result, persona)
    return 0


def _emit_result(args: argparse.Namespace, result: "RunResult", persona: Persona) -> None:
    emit(args, result.document(), result_text(result, persona.name))


def _plan(args: argparse.Namespace, persona: Persona) -> "Plan":
    """Return the plan of a new run, or of the interrupted one to be resumed."""
    from chatclone.training.plan import make_plan
    from chatclone.training.setting_bounds import DEFAULT_PRESET
    from chatclone.training.train_run import last_unfinished

    overrides = dict(_key_and_value(text) for text in args.set)
    if args.resume:
        if overrides or args.preset:
            raise UsageError("a resumed run keeps its settings", "chatclone train --resume, without --set and --preset")
        return last_unfinished(persona, args.base)
    base = args.base or persona.base
    if args.download:
        _download(base, args.yes)
    return make_plan(persona, base, args.preset or DEFAULT_PRESET, overrides)


def _key_and_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError("--set {text} has no value", "--set learning_rate=1e-4", text=text)
    return key, value


def _download(base: str, agreed: bool) -> None:
    """Download `base` after showing its size, and asking unless the user agreed already."""
    from chatclone.bases.download import Offer, download

    def agree(offer: Offer) -> bool:
        say(str(offer))
        if agreed:
            return True
        if not sys.stdin.isatty():
            raise ChatcloneError("the download needs your agreement", "add --yes")
        return input("download it? [y/N] ").strip().lower() in ("y", "yes")

    if base == "starter" or Path(base).expanduser().is_dir():
        raise UsageError("{base} is already on this machine", "leave out --download", base=base)
    say(f"downloaded to {download(base, agree)}")


def _prepare(args: argparse.Namespace, plan: "Plan") -> None:
    """Write the plan, and print the commands that train it on other machines."""
    from chatclone.training.launch import remote_commands
    from chatclone.training.train_run import prepare

    if args.prepare < 1:
        hint = "--prepare 2 --processes 8"
        raise UsageError("--prepare must be 1 or more, not {given}", hint, given=args.prepare)
    commands = remote_commands(prepare(plan), args.prepare, args.processes)
    lines = [f"run {plan.run} is ready; start it on every machine with one of these, RANK being 0, 1, ...:"]
    lines += [f"\n{name}:\n  {command}" for name, command in commands.items()]
    lines.append(f"\nThen: chatclone train --adopt {plan.run}")
    emit(args, {"run": plan.run, "folder": plan.folder, "commands": commands}, "\n".join(lines))


def _measure(plan: "Plan", progress: "Progress") -> dict[str, Any]:
    """Return what `train --plan --json` prints."""
    from chatclone.training.train_run import probe

    progress.show("measuring a few steps …")
    measured = msgspec.to_builtins(probe(plan, progress.take), enc_hook=str)
    progress.finish()
    keys = ("run", "base", "base_fingerprint", "licence", "preset")
    return {**{key: getattr(plan, key) for key in keys}, **measured}


def plan_text(document: dict[str, Any]) -> str:
    """Return the plan as a table of values and reasons, and what was measured."""
    from chatclone.training.run_state import clock

    settings, reasons, measured, data = (document[k] for k in ("settings", "reasons", "measured", "data"))
    return "\n".join(
        [
            f"{document['base']}, preset {document['preset']}: {reasons['data']}",
            f"licence: {document['licence']}",
            *(f"{key:>22} {settings[key]!s:<12} {reasons[key]}" for key in settings if key in reasons),
            "",
            f"loaded: {document['loaded']}",
            f"data: {data['samples']:,} samples of {data['tokens']:,} tokens, {data['trained_tokens']:,} trained; "
            f"{data['memory_samples']} with recalled lines ({data['irrelevant_memory_samples']} irrelevant on "
            f"purpose), {data['replay_samples']} neutral; {data['dropped_turns']} old turns dropped, "
            f"{data['refused']} samples left out",
            f"{settings['planned_steps']} steps of {settings['rows_per_step']} x {settings['row_tokens']} tokens, "
            f"{settings['steps_per_epoch']} an epoch, evaluated every {settings['evaluate_every']}",
            f"measured on {measured['measured_passes']} passes: {measured['tokens_per_second']:,.0f} tokens/s, "
            f"peak memory {measured['peak_memory_mb']:,.0f} MB",
            f"the run takes about {clock(measured['seconds'])}, unless it stops early",
        ]
    )


def result_text(result: "RunResult", name: str) -> str:
    """Return what a run came to, in a few lines; `name` is the persona's."""
    ended = {
        "early": "stopped early: no more progress",
        "by_user": "stopped by you: chatclone train --resume continues it",
        "finished": "ran to its end",
    }
    return "\n".join(
        [
            f"eval loss       {result.base_eval_loss:.3f} → {result.eval_loss:.3f}   ({name}'s held-out replies)",
            f"token accuracy  {result.base_eval_token_accuracy:.3f} → {result.eval_token_accuracy:.3f}",
            f"{result.steps} steps in {result.seconds:.0f} s, {result.tokens_per_second:,.0f} tokens/s, "
            f"{result.peak_memory_mb:,.0f} MB; {ended[result.stopped]}",
            f"{result.verdict.state}: {result.verdict.reason}",
            f"report: {result.report}",
            f"adapter: {result.adapter}  (step {result.best_step}, the lowest eval loss)",
        ]
    )


class Progress:
    """One line that follows a run: a bar, the step, figures and the time left; notices stay above it."""

    def __init__(self) -> None:
        from chatclone.training.run_state import RunState

        self._status = Status()
        self._state = RunState()

    def take(self, event: "AnyEvent") -> None:
        """Show an event of the worker."""
        from chatclone.training.events import BaseLoaded, Notice

        self._state.take(event)
        if isinstance(event, BaseLoaded | Notice):
            self.finish()
            say(f"loaded: {event.text}" if isinstance(event, BaseLoaded) else event.text)
        if self._state.stage:
            self.show(f"{self._state.stage} …")
        elif self._state.losses:
            self.show(self._line())

    def show(self, text: str) -> None:
        """Replace the line by a text."""
        self._status.show(text)

    def finish(self) -> None:
        """Remove the line."""
        self._status.clear()

    def _line(self) -> str:
        from chatclone.training.run_state import clock

        state = self._state
        done = BAR * state.step // max(state.steps, 1)
        parts = [
            f"{'█' * done}{'░' * (BAR - done)} {state.step}/{state.steps}",
            f"loss {state.losses[-1][1]:.3f}",
            f"{state.token_accuracy or 0:.0%} right",
            f"{state.tokens_per_second or 0:,.0f} tok/s",
            f"{state.memory_mb or 0:,.0f} MB",
            f"{clock(state.seconds_left or 0)} left",
        ]
        if state.evals:
            accuracy = f" ({state.eval_token_accuracy:.0%})" if state.eval_token_accuracy else ""
            parts.append(f"eval {state.evals[-1][1]:.3f}{accuracy}")
        return "  ".join(parts)
