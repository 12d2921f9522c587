"""The options that say what answers, and how the clone is opened with them: shared by `chat` and `serve`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.cli.options import home_of
from chatclone.errors import UsageError
from chatclone.persona import Persona

if TYPE_CHECKING:
    from chatclone.clone import Clone
    from chatclone.engines.endpoint import RemoteModel


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    option = parser.add_argument
    option(
        "--engine",
        choices=("auto", "transformers", "gguf", "openai"),
        default="auto",
        help="what runs the model",
    )
    option("--model", type=Path, metavar="PATH", help="a GGUF file to chat with")
    option("--url", metavar="URL", help="for --engine openai: the server, such as http://127.0.0.1:8080/v1")
    option("--remote-model", metavar="NAME", help="the model's name there (default: the persona's, or the only one)")
    option("--remote-context", type=int, metavar="TOKENS", help="its context (default: what the server says, or 4096)")
    option(
        "--partner",
        metavar="NAME",
        help="who you are to the clone (default: whom it wrote with most)",
    )
    option("--no-memory", action="store_true", help="recall nothing")


def open_clone_with(args: argparse.Namespace, persona: Persona) -> "tuple[Clone, str]":
    """Open the clone that the options ask for, and say why this engine."""
    from chatclone.clone import open_clone

    return open_clone(
        persona,
        home_of(args),
        engine=args.engine,
        model=args.model,
        remote=_remote(args),
        use_memory=not args.no_memory,
        partner=args.partner,
    )


def _remote(args: argparse.Namespace) -> "RemoteModel | None":
    from chatclone.engines.endpoint import RemoteModel

    if args.url is None:
        if args.remote_model is not None or args.remote_context is not None:
            raise UsageError("--remote-model and --remote-context go with --url", "add --engine openai --url URL")
        return None
    if args.remote_context is not None and args.remote_context < 1:
        raise UsageError("--remote-context is a number of tokens", "--remote-context 4096")
    return RemoteModel(args.url, args.remote_model or "", args.remote_context)
