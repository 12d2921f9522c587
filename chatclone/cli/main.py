"""The `chatclone` program: parses the command line, runs one command, and turns errors into two lines.

Exit codes: 0 done, 1 a problem the user can act on, 2 wrong usage, 130 interrupted. A bug keeps its traceback.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from types import ModuleType

import chatclone
from chatclone.cli import web
from chatclone.cli.common_options import common, emit, home_of, say, wants_json
from chatclone.cli.own_packages import require_own_packages
from chatclone.errors import ChatcloneError

COMMANDS = {
    "import": "turn chat exports into a persona",
    "train": "train the persona's adapter",
    "chat": "chat with the clone",
    "chats": "list, search, show, export, import and delete conversations with the clone",
    "export": "write the clone as GGUF, with a parity report",
    "serve": "serve the clone to programs that use OpenAI's API",
    "demo": "meet Mira: import, train, export and chat, offline",
    "data": "look at the data set, or export it",
    "memory": "search, list, add to, forget and check the memory",
    "forget": "remove a person or a chat everywhere, for good",
    "persona": "list, show, choose or delete personas",
    "doctor": "what will run here, and what is missing",
    "where": "show where everything lies",
}
"""What each command is for, so that only the one that was asked for is imported.

Its module, `chatclone.cli.NAME`, has `add(commands, parents)`, which declares its parser with `run` as a default."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    _print_any_text()
    asked = [_readable(text) for text in (sys.argv[1:] if arguments is None else arguments)]
    args = parser(asked).parse_args(asked)
    if (home := home_of(args)).is_dir():
        from chatclone.storage.log_file import log_to_file

        log_to_file(home)
    try:
        require_own_packages()
        web.refuse_command(args)
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except ChatcloneError as error:
        say(f"error: {error.message}\ntry: {error.hint}")
        if wants_json(args):
            emit(args, {"error": error.message, "try": error.hint}, "")
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _print_any_text() -> None:
    """Have what the terminal's encoding lacks printed as an escape, so that a result is never lost to an emoji."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _readable(argument: str) -> str:
    """Return an argument with U+FFFD for bytes that are not UTF-8; the name of a file that exists stays as it is."""
    if argument.isascii() or os.path.lexists(argument):
        return argument
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for these arguments: of the commands, those that are named among them are whole.

    The others are listed where a list may be asked for: not with no arguments, nor after a command.
    """
    shared = common()
    top = argparse.ArgumentParser(
        prog="chatclone",
        parents=[shared],
        description="Talk to a copy of yourself that runs on your own computer.",
        epilog="Without a command the terminal app opens on the current persona.",
    )
    top.add_argument("--version", action="version", version=f"chatclone {chatclone.__version__}")
    web.add_options(top)
    top.set_defaults(run=web.run)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        if name in arguments:
            module(name).add(commands, [shared])
        elif arguments and arguments[0] not in COMMANDS:
            commands.add_parser(name, help=purpose)
    return top


def module(command: str) -> ModuleType:
    """Return the module of a command; a name that is a word of Python's has an underscore there."""
    return import_module(f"chatclone.cli.{command}{'_' if iskeyword(command) else ''}")


if __name__ == "__main__":
    sys.exit(main())
