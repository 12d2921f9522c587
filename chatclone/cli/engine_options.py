"""The options that choose the engine and the model, shared by `chat` and `serve`."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone import config
from chatclone.cli.common_options import Status, current_persona, home_of, say, slug_of
from chatclone.errors import UsageError
from chatclone.gguf.load_progress import Loading, keep_loading
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona

if TYPE_CHECKING:
    from chatclone.clone.clone import Clone
    from chatclone.engines.endpoint import RemoteModel

BAR = 24
FULL, EMPTY = "█", "░"


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    option = parser.add_argument
    option("--engine", choices=("auto", "transformers", "gguf", "openai"), default="auto", help="what runs the model")
    option("--model", type=Path, metavar="PATH", help="a GGUF file to chat with")
    option("--url", metavar="URL", help="for --engine openai: the server, such as http://127.0.0.1:8080/v1")
    option("--remote-model", metavar="NAME", help="its name on the server (default: the persona's, or the only one)")
    option("--remote-context", type=int, metavar="TOKENS", help="its context (default: as the server says, or 4096)")
    option("--partner", metavar="NAME", help="who you are to the clone (default: its most frequent partner)")
    option("--no-memory", action="store_true", help="chat without memory")


def chosen_persona(args: argparse.Namespace) -> Persona:
    """Return the persona to chat with: by --persona, else from the GGUF file, else the current one.

    A file of the current persona is a chat with that persona, with its memory and conversations.
    """
    if args.model is None or slug_of(args) is not None:
        return current_persona(args)
    from chatclone.gguf.embedded_persona import embedded_persona

    embedded = embedded_persona(args.model, home_of(args))
    current = config.load(home_of(args)).current
    if embedded is None or (current and personas.find(home_of(args), current).name == embedded.name):
        return current_persona(args)
    return embedded


def open_clone_with(args: argparse.Namespace, persona: Persona, loading: Loading = keep_loading) -> "tuple[Clone, str]":
    """Open the clone as the options say, and return it with the reason for the engine."""
    from chatclone.clone.clone import open_clone

    return open_clone(
        persona,
        home_of(args),
        engine=args.engine,
        model=args.model,
        remote=_remote(args),
        use_memory=not args.no_memory,
        partner=args.partner,
        loading=loading,
    )


def open_shown(open_it: "Callable[[Loading], tuple[Clone, str]]", name: str = "") -> "Clone":
    """Open a clone with a progress bar on stderr, then print the reason for the engine and its settings."""
    status = Status()

    def show(share: float) -> bool:
        done = int(share * BAR)
        status.show(f"loading {FULL * done}{EMPTY * (BAR - done)} {share:4.0%}")
        return True

    try:
        clone, reason = open_it(show)
    finally:
        status.clear()
    say(f"{name}: {reason}" if name else reason)
    if clone.engine.settings:
        say("; ".join(clone.engine.settings))
    return clone


def _remote(args: argparse.Namespace) -> "RemoteModel | None":
    from chatclone.engines.endpoint import RemoteModel

    if args.url is None:
        if args.remote_model is not None or args.remote_context is not None:
            raise UsageError("--remote-model and --remote-context go with --url", "add --engine openai --url URL")
        return None
    if args.remote_context is not None and args.remote_context < 1:
        raise UsageError("--remote-context must be 1 or more tokens", "--remote-context 4096")
    return RemoteModel(args.url, args.remote_model or "", args.remote_context)
