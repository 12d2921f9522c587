"""`chatclone train`: an adapter that writes as the person does."""

import argparse
import sys
from typing import Any

from chatclone.cli.common_options import Status, current_persona, emit, say
from chatclone.errors import ChatcloneError, UsageError
from chatclone.personas.persona import Persona

BAR = 20
"""Characters of a progress bar."""


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
        help="decide every setting, measure a few steps, say what it comes to, and change nothing",
    )
    option("--download", action="store_true", help="fetch a hub id that is not here yet, after its size is told")
    option("--yes", action="store_true", help="agree to the download without being asked")
    _add_launching(option)
    parser.set_defaults(run=run)


def _add_launching(option: Any) -> None:
    """Declare what concerns several processes and several machines."""
    option("--processes", type=int, default=1, metavar="N", help="train with N processes together, one a GPU")
    option(
        "--launch",
        default="",
        metavar="NAME_OR_FILE",
        help="start them by a configuration of accelerate: fsdp-qlora, or a file",
    )
    option(
        "--prepare",
        type=int,
        metavar="MACHINES",
        help="write the run's plan and print the commands that train it on so many machines",
    )
    option("--adopt", metavar="RUN", help="make the adapter of a finished run the current one")


def run(args: argparse.Namespace) -> int:
    """Plan, train, and report."""
    from chatclone.training.launch import launch
    from chatclone.training.train_run import adopt, probe
    from chatclone.training.train_run import run as train

    persona = current_persona(args)
    if args.adopt:
        result = adopt(persona, args.adopt)
        emit(args, result, result_text(result, persona.name))
        return 0
    how = launch(args.processes, args.launch)
    plan = _plan(args, persona)
    say(f"licence of {plan.base}: {plan.licence}")
    if args.prepare is not None:
        _prepare(args, plan)
        return 0
    progress = Progress()
    if args.plan:
        progress.show("measuring a few steps …")
        document = plan_document(plan, probe(plan, progress.take))
        progress.finish()
        emit(args, document, plan_text(document))
        return 0
    result = train(persona, plan, progress.take, how)
    progress.finish()
    emit(args, result, result_text(result, persona.name))
    return 0


def _plan(args: argparse.Namespace, persona: Persona) -> Any:
    """Return the plan of a new run, or of the interrupted one that is to go on."""
    from chatclone.training.plan import DEFAULT_PRESET, make_plan
    from chatclone.training.train_run import last_unfinished

    overrides = dict(_pair(text) for text in args.set)
    if args.resume:
        if overrides or args.preset:
            raise UsageError("a resumed run keeps its settings", "chatclone train --resume, without --set and --preset")
        return last_unfinished(persona, args.base)
    base = args.base or persona.base
    if args.download:
        _download(base, args.yes)
    return make_plan(persona, base, args.preset or DEFAULT_PRESET, overrides)


def _prepare(args: argparse.Namespace, plan: Any) -> None:
    """Write the plan, and print how it is trained elsewhere."""
    from chatclone.training.launch import elsewhere
    from chatclone.training.train_run import prepare

    if args.prepare < 1:
        raise UsageError(f"--prepare {args.prepare}: at least one machine trains", "--prepare 2 --processes 8")
    commands = elsewhere(prepare(plan), args.prepare, args.processes)
    lines = [f"run {plan.run} is ready; start it on every machine with one of these, RANK being 0, 1, ...:"]
    lines += [f"\n{name}:\n  {command}" for name, command in commands.items()]
    lines.append(f"\nThen: chatclone train --adopt {plan.run}")
    emit(args, {"run": plan.run, "folder": plan.folder, "commands": commands}, "\n".join(lines))


def plan_document(plan: Any, probed: dict[str, Any]) -> dict[str, Any]:
    """Return what `train --plan --json` prints."""
    return {
        "run": plan.run,
        "base": plan.base,
        "base_fingerprint": plan.base_fingerprint,
        "licence": plan.licence,
        "preset": plan.preset,
        **probed,
    }


def plan_text(document: dict[str, Any]) -> str:
    """Return the plan as a table of values and reasons, and below it what the probe measured."""
    settings, reasons, measured, data = (document[k] for k in ("settings", "reasons", "measured", "data"))
    rows = [f"{k:>22} {settings[k]!s:<12} {reasons[k]}" for k in settings if k in reasons]
    steps = (
        f"{settings['planned_steps']} steps, in each {settings['rows_per_step']} x {settings['row_tokens']} tokens, "
        f"{settings['steps_per_epoch']} an epoch, evaluated every {settings['evaluate_every']}"
    )
    return "\n".join(
        [
            f"{document['base']}, preset {document['preset']}: {reasons['data']}",
            f"licence: {document['licence']}",
            *rows,
            "",
            f"loaded: {document['loaded']}",
            f"data: {data['samples']:,} samples of {data['tokens']:,} tokens, {data['trained_tokens']:,} trained; "
            f"{data['memory_samples']} with recalled lines ({data['irrelevant_memory_samples']} beside the point), "
            f"{data['replay_samples']} neutral; "
            f"{data['dropped_turns']} turns too old for their window, {data['refused']} samples left out",
            steps,
            f"measured on {measured['measured_passes']} passes: {measured['tokens_per_second']:,.0f} tokens/s, "
            f"{measured['peak_memory_mb']:,.0f} MB at most",
            f"so all of it takes about {_clock(measured['seconds'])}, unless it stops early",
        ]
    )


def result_text(result: dict[str, Any], name: str) -> str:
    """Return what a run came to, in a few lines."""
    ended = {
        "early": "stopped early: no more progress",
        "by_user": "stopped by you: chatclone train --resume goes on",
        "finished": "ran to its end",
    }
    return "\n".join(
        [
            f"eval loss       {result['base_eval_loss']:.3f} → {result['eval_loss']:.3f}   ({name}'s held-out replies)",
            f"token accuracy  {result['base_eval_token_accuracy']:.3f} → {result['eval_token_accuracy']:.3f}",
            f"{result['steps']} steps in {result['seconds']:.0f} s, {result['tokens_per_second']:,.0f} tokens/s, "
            f"{result['peak_memory_mb']:,.0f} MB; {ended[result['stopped']]}",
            *_verdict(result),
            f"adapter: {result['adapter']}  (step {result['best_step']}, the lowest eval loss)",
        ]
    )


def _verdict(result: dict[str, Any]) -> list[str]:
    """Return the verdict and where more of it stands; runs of before there were verdicts have none."""
    if "verdict" not in result:
        return []
    verdict = result["verdict"]
    return [f"{verdict['state']}: {verdict['reason']}", f"report: {result['report']}"]


class Progress:
    """One line: a bar, the step, losses, token accuracy, speed, memory, and the time left; notices stay above it."""

    def __init__(self) -> None:
        self._status = Status()
        self._steps = self._first = 0
        self._eval = ""

    def take(self, event: dict[str, Any]) -> None:
        """Show an event of the worker."""
        match event:
            case {"kind": "notice", "text": text} | {"kind": "loaded", "text": text}:
                self._status.clear()
                say(text if event["kind"] == "notice" else f"loaded: {text}")
            case {"kind": "data"}:
                self.show("evaluating the base …")
            case {"kind": "begin", "steps": steps, "first_step": first}:
                self._steps, self._first = steps, first
            case {"kind": "step", "loss": loss, "step": step}:
                self._show(step, f"loss {loss:.3f}", self._figures(event))
            case {"kind": "eval", "eval_loss": loss, "step": step}:
                self._eval = f"eval {loss:.3f}"
                if accuracy := event.get("eval_mean_token_accuracy"):
                    self._eval += f" ({accuracy:.0%})"
                self._show(step, "")
            case {"kind": "stopping"}:
                self.show("stopping after this step, keeping what was learnt …")

    def show(self, text: str) -> None:
        """Replace the line by a text."""
        self._status.show(text)

    def finish(self) -> None:
        """Remove the line."""
        self._status.clear()

    def _figures(self, event: dict[str, Any]) -> str:
        """Return accuracy, speed, memory and the time left; the steps before a resume took no time here."""
        done = event["step"] - self._first
        left = event["seconds"] / max(done, 1) * (self._steps - event["step"])
        parts = [
            f"{event.get('mean_token_accuracy', 0):.0%} right",
            f"{event.get('tokens_per_second', 0):,.0f} tok/s",
            f"{event.get('memory_mb', 0):,.0f} MB",
            f"{_clock(left)} left",
        ]
        return "  ".join(parts)

    def _show(self, step: int, *parts: str) -> None:
        done = round(BAR * step / self._steps) if self._steps else 0
        bar = "█" * done + "░" * (BAR - done)
        head = f"{bar} {step}/{self._steps}" if self._steps else ""
        self._status.show("  ".join(part for part in (head, *parts, self._eval) if part))


def _download(base: str, agreed: bool) -> None:
    """Fetch `base` after telling its size, and asking unless the user said yes already."""
    from pathlib import Path

    from chatclone.bases.download import Offer, download

    def agree(offer: Offer) -> bool:
        say(str(offer))
        if agreed:
            return True
        if not sys.stdin.isatty():
            raise ChatcloneError("nobody is here to agree to the download", "add --yes")
        return input("download it? [y/N] ").strip().lower() in ("y", "yes")

    if base == "starter" or Path(base).expanduser().is_dir():
        raise UsageError(f"{base} is on this machine already", "leave out --download")
    say(f"downloaded to {download(base, agree)}")


def _clock(seconds: float) -> str:
    """Return a time as people say it: 1:05 or 2:03:20."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text} has no value", "--set learning_rate=1e-4")
    return key, value
