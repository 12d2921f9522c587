"""`chatclone demo`: the whole way on the built-in starter model and demo export, offline, in a home of its own."""

import argparse
import sys
from pathlib import Path
from typing import Any

from chatclone.cli.common_options import Status, home_of, say
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.paths import demo_export
from chatclone.personas.persona import Persona


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        parents=parents,
        help="meet Mira: import, train, export and chat, offline",
    )
    parser.add_argument("--once", metavar="TEXT", help="answer once and exit")
    parser.add_argument("--plain", action="store_true", help="chat line by line")
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="make the demo persona again from the beginning",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="repeatable replies")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what is not done yet, then chat as `chatclone chat` does."""
    from chatclone.cli.main import parser

    # A home of its own, so that a newcomer's real personas never mix with the invented one.
    home = home_of(args) / "demo"
    persona = prepare(home, fresh=args.fresh)
    if args.once is None and not args.plain and not (sys.stdin.isatty() and sys.stdout.isatty()):
        say("the demo is ready; a terminal opens the app, --once TEXT answers once")
        return 0
    chat = ["chat", "--home", str(home), "--persona", persona.slug]
    chat += ["--once", args.once] if args.once is not None else []
    chat += ["--seed", str(args.seed)] if args.seed is not None else []
    chat += [option for option in ("--plain", "--json") if getattr(args, option.removeprefix("--"), False)]
    asked = parser(chat).parse_args(chat)
    code: int = asked.run(asked)
    return code


def prepare(home: Path, *, fresh: bool = False) -> Persona:
    """Import, train and export the demo persona as far as it is not done yet."""
    from chatclone.personas import persona as personas

    every = personas.list_all(home)
    persona = every[0] if every else None
    if fresh and persona:
        personas.delete(persona.folder)
        persona = None
    if persona is None:
        persona = _import(home)
    if persona.adapter_folder is None or not persona.adapter_folder.exists():
        persona = _train(persona)
    _export(persona, home)
    return persona


def _import(home: Path) -> Persona:
    from chatclone.ingest.import_run import Request, ingest

    done = ingest(Request(paths=[demo_export()]), home)
    assert done.persona is not None
    replies, memory = done.document["replies"], done.document["memory"]
    say(
        f"1/3 imported: {done.document['messages']['read']:,} messages, {replies['trained']} replies of "
        f"{done.persona.name} to learn from, {memory['passages']:,} passages to remember"
    )
    # So small a model keeps to its likelier words, or it makes words up.
    return done.persona.update(sampling=Sampling(temperature=0.5))


def _train(persona: Persona) -> Persona:
    from chatclone.cli.train import Progress
    from chatclone.personas import persona as personas
    from chatclone.training.plan import make_plan
    from chatclone.training.train_run import run as train

    progress = Progress()
    result = train(persona, make_plan(persona, "starter", "demo"), progress.take)
    progress.finish()
    say(
        f"2/3 trained: eval loss {result.base_eval_loss:.2f} → {result.eval_loss:.2f}, token accuracy "
        f"{result.base_eval_token_accuracy:.2f} → {result.eval_token_accuracy:.2f} on her held-out replies, "
        f"{result.seconds:.0f} s"
    )
    return personas.load(persona.folder)


def _export(persona: Persona, home: Path) -> None:
    """Export to GGUF where that is possible; a chat works without, on transformers."""
    from chatclone.export.export_run import export
    from chatclone.gguf.export_record import current_export

    if current_export(persona, home):
        return
    status = Status()
    try:
        result = export(persona, home=home, progress=status.show)
    except ChatcloneError as error:
        status.clear()
        say(f"3/3 not exported to GGUF: {error.message} ({error.hint}); the chat uses transformers")
        return
    status.clear()
    parity = result.parity
    say(
        f"3/3 exported: {len(result.files)} GGUF files, the next token agrees with the adapter's at "
        f"{100 * parity.top1_agreement:.1f} % of {parity.positions:,} positions"
    )
