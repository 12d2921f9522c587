"""`chatclone forget`: a person or a chat, out of archive, data set and memory, for good."""

import argparse
from typing import Any

from chatclone.cli.common_options import current_persona, emit
from chatclone.errors import UsageError


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("forget", parents=parents, help="remove a person or a chat everywhere, for good")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--person", metavar="ID_OR_NAME", help="everything this person wrote")
    which.add_argument("--chat", metavar="ID_OR_NAME", help="a whole chat")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Forget, and name the adapters that learnt from it."""
    from chatclone.ingest.removal import forget
    from importers.dataset.report_text import counted

    persona = current_persona(args)
    if not (args.person or args.chat):
        raise UsageError("nothing to forget was named", "chatclone forget --person NAME")
    document = forget(persona, person=args.person or "", chat=args.chat or "")
    gone, left = document["forgotten"], document["replies"]["trained"]
    text = f"forgot {counted(gone, 'message')}; replies left to learn from: {left:,}"
    if adapters := document["adapters"]:
        text += f"\nthese adapters were trained with it and do not forget: {', '.join(adapters)}. Train again."
    emit(args, document, text)
    return 0
