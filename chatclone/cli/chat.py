"""`chatclone chat`: talk to the clone in the app, line by line, or once."""

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chatclone.cli.common_options import emit, home_of
from chatclone.cli.engine_options import add_engine_options, chosen_persona, open_clone_with, open_shown
from chatclone.errors import ChatcloneError, UsageError
from chatclone.gguf.load_progress import Loading, keep_loading

if TYPE_CHECKING:
    from chatclone.clone.clone import Clone, Reply


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("chat", parents=parents, help="chat with the clone")
    option = parser.add_argument
    add_engine_options(parser)
    option(
        "--plain",
        action="store_true",
        help="line by line, for pipes and screen readers",
    )
    option("--once", metavar="TEXT", help="answer once and exit")
    option("--seed", type=int, metavar="N", help="repeatable replies")
    option("--greedy", action="store_true", help="always the likeliest token")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Chat in the way asked for."""
    persona, home = chosen_persona(args), home_of(args)

    def open_it(loading: Loading = keep_loading) -> "tuple[Clone, str]":
        clone, reason = open_clone_with(args, persona, loading)
        seed = clone.sampling.seed if args.seed is None else args.seed
        temperature = 0.0 if args.greedy else clone.sampling.temperature
        clone.sampling = replace(clone.sampling, seed=seed, temperature=temperature)
        return clone, reason

    if args.once is not None:
        return answer_once(args, open_shown(open_it), args.once)
    if args.plain:
        from chatclone.conversations import ChatStore
        from chatclone.repl.loaded_model import Loaded
        from chatclone.repl.plain_chat import run_plain
        from chatclone.tui.services.model_choices import Models, open_chosen
        from chatclone.tui.services.open_personas import Opened

        opened = Opened()
        as_started = opened.keeping(lambda: (open_shown(open_it), ""))
        loaded = Loaded(as_started, Models(persona, home, opened, open_chosen))
        return run_plain(loaded, ChatStore.open(persona.chats_file), sys.stdin, sys.stdout, home)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the app needs a terminal", "chatclone chat --plain, or chatclone chat --once TEXT")
    from chatclone.tui.run_app import run_app

    run_app(persona, open_it, home)
    return 0


def answer_once(args: argparse.Namespace, clone: "Clone", text: str) -> int:
    """Print one reply to `text`: as it is written, or as contract.md's document."""
    from chatclone.clone.clone import Reply
    from chatclone.prompt.render import ChatMessage, PromptError

    if not text.strip():
        raise UsageError("there is nothing to answer", 'chatclone chat --once "hey"')
    try:
        *_, last = clone.reply([ChatMessage("user", text)])
    except PromptError as error:
        raise ChatcloneError(
            str(error), "send a shorter text, or choose a model with a longer context: --model"
        ) from error
    assert isinstance(last, Reply)
    emit(args, reply_document(last, clone), last.text)
    return 0


def reply_document(reply: "Reply", clone: "Clone") -> dict[str, Any]:
    """Return contract.md's document of one reply."""
    from chatclone.clone.clone import hit_document

    return {
        "reply": reply.text,
        "bubbles": reply.bubbles,
        "stopped_by": reply.stopped_by,
        "memory": [hit_document(hit) for hit in reply.memory],
        "prompt_tokens": reply.prompt_tokens,
        "cached_tokens": reply.cached_tokens,
        "reply_tokens": reply.reply_tokens,
        "first_token_ms": round(reply.first_token_ms, 1),
        "tokens_per_second": round(reply.tokens_per_second, 1),
        "engine": clone.engine.name,
        "model": clone.engine.model,
    }
