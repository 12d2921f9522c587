"""The `chatclone` program: parses the command line, runs one command, and turns errors into two lines.

Exit codes: 0 done, 1 a problem the user can act on, 2 wrong usage, 130 interrupted. A bug keeps its traceback.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import chatclone
from chatclone.cli import (
    app,
    chat,
    chats,
    data,
    demo,
    doctor,
    export,
    forget,
    import_,
    memory,
    persona,
    serve,
    train,
    where,
)
from chatclone.cli.options import common, home_of, say
from chatclone.errors import ChatcloneError
from chatclone.locations import log_file

COMMANDS = (
    import_,
    train,
    chat,
    chats,
    export,
    serve,
    demo,
    data,
    memory,
    forget,
    persona,
    doctor,
    where,
)
"""Each module has `add(commands, parents)`, which declares its parser with `run` as a default."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    args = parser().parse_args(arguments)
    _log_to_file(home_of(args))
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except ChatcloneError as error:
        say(f"error: {error.message}\ntry: {error.hint}")
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _log_to_file(home: Path) -> None:
    """Send what the program and its libraries log to the home's log file, if there is a home yet."""
    if home.is_dir():
        form = "%(asctime)s %(name)s %(levelname)s %(message)s"
        logging.basicConfig(filename=log_file(home), filemode="w", level=logging.INFO, format=form)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    shared = common()
    top = argparse.ArgumentParser(
        prog="chatclone",
        parents=[shared],
        description="Talk to a copy of yourself that runs on your own computer.",
        epilog="Without a command the terminal app opens on the current persona.",
    )
    top.add_argument("--version", action="version", version=f"chatclone {chatclone.__version__}")
    top.set_defaults(run=app.run)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands, [shared])
    return top


if __name__ == "__main__":
    sys.exit(main())
