"""`chatclone serve`: the clone as an OpenAI-compatible server on this machine."""

import argparse
import os
import sys
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Any

from chatclone.cli.common_options import emit, home_of, slug_of
from chatclone.cli.engine_options import add_engine_options, chosen_persona, open_clone_with, open_shown
from chatclone.errors import ChatcloneError, MissingExtra, UsageError
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona

if TYPE_CHECKING:
    from chatclone.clone.clone import Clone


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("serve", parents=parents, help="serve the clone to programs that use OpenAI's API")
    option = parser.add_argument
    option("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: %(default)s)")
    option("--port", type=int, default=8765, metavar="N", help="0 takes a free one (default: %(default)s)")
    option("--allow-remote", action="store_true", help="accept a --host that other machines can reach, unencrypted")
    option("--all", action="store_true", help="serve every persona; all models are loaded at the start")
    add_engine_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from chatclone.engines.choose import installed

    if not (installed("starlette") and installed("uvicorn")):
        raise MissingExtra("a server", "serve")
    from chatclone.serve.server import choose_token, listening, server

    token, generated = choose_token(os.environ)
    with ExitStack() as opened:
        # The port is opened before the models, so that a port in use is reported at once.
        listener, url = opened.enter_context(listening(args.host, args.port, allow_remote=args.allow_remote))
        clones: dict[str, Clone] = {}
        for persona in _personas(args):
            clones[persona.slug] = open_shown(partial(open_clone_with, args, persona), persona.slug)
            opened.enter_context(closing(clones[persona.slug]))
        document = {"url": url, "models": list(clones), "token": token if generated else None}
        emit(args, document, started_text(document))
        sys.stdout.flush()  # a program that reads it from a pipe connects now
        server(clones, token).run(sockets=[listener])
    return 0


def started_text(document: dict[str, Any]) -> str:
    """Return what is needed to connect; a token that the user has set is not shown."""
    token = document["token"] or "the one in CHATCLONE_SERVE_TOKEN"
    names = ", ".join(document["models"])
    return f"url    {document['url']}\nmodel  {names}\ntoken  {token}\nPress Ctrl+C to stop."


def _personas(args: argparse.Namespace) -> list[Persona]:
    if not args.all:
        return [chosen_persona(args)]
    if slug_of(args) or args.model or args.remote_model:
        raise UsageError(
            "--all serves each persona with its own model", "leave out --persona, --model and --remote-model"
        )
    if not (every := personas.list_all(home_of(args))):
        raise ChatcloneError("there is no persona yet", "chatclone import result.json, or chatclone demo")
    return every
