"""`chatclone memory`: what is remembered, from the shell."""

import argparse
import time
from typing import Any

from chatclone.cli.options import current_persona, emit
from chatclone.clone import hit_document
from chatclone.errors import ChatcloneError
from chatclone.remembering import open_memory


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser(
        "memory",
        parents=parents,
        help="search, list, add to, forget and check the memory",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    search = verbs.add_parser("search", parents=parents, help="what would be recalled for these words")
    search.add_argument("query", nargs="+", metavar="WORD")
    search.add_argument(
        "--words",
        type=int,
        default=400,
        metavar="N",
        help="the word budget (default: 400)",
    )
    search.set_defaults(run=run_search)
    note = verbs.add_parser("add", parents=parents, help="remember a note")
    note.add_argument("text", nargs="+", metavar="WORD")
    note.set_defaults(run=run_add)
    listing = verbs.add_parser("list", parents=parents, help="what is remembered, newest first")
    listing.add_argument("--limit", type=int, default=20, metavar="N")
    listing.set_defaults(run=run_list)
    for verb, action, text in (
        ("show", run_show, "a passage with what was said around it"),
        ("forget", run_forget, "a passage, so that it does not come back"),
    ):
        one = verbs.add_parser(verb, parents=parents, help=text)
        one.add_argument("id", type=int, metavar="ID")
        one.set_defaults(run=action)
    verbs.add_parser("rebuild", parents=parents, help="make the search index again").set_defaults(run=run_rebuild)
    verbs.add_parser("check", parents=parents, help="prove that the memory is sound").set_defaults(run=run_check)


def run_search(args: argparse.Namespace) -> int:
    """Show what a query recalls."""
    query = " ".join(args.query)
    with open_memory(current_persona(args)) as memory:
        found = memory.recall(query, words=args.words)
    hits = [hit_document(hit) for hit in found.hits]
    document = {
        "query": query,
        "hits": hits,
        "words": found.words,
        "ms": round(found.ms, 2),
    }
    text = "\n\n".join(f"[{h['id']}] {h['chat']}, score {h['score']:.2f}\n{h['text']}" for h in hits)
    emit(args, document, text or "nothing found")
    return 0


def run_add(args: argparse.Namespace) -> int:
    """Remember a note of today."""
    with open_memory(current_persona(args)) as memory:
        number = memory.add(" ".join(args.text), int(time.time()))
    emit(args, {"id": number}, f"remembered as {number}")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """List passages."""
    with open_memory(current_persona(args)) as memory:
        hits = [hit_document(hit) for hit in memory.list(limit=args.limit)]
    emit(args, hits, "\n\n".join(f"[{h['id']}] {h['chat']}\n{h['text']}" for h in hits))
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Show one passage with its surroundings, its own lines marked."""
    with open_memory(current_persona(args)) as memory:
        found = memory.show(args.id)
    if found is None:
        raise ChatcloneError(f"there is no passage {args.id}", "chatclone memory list")
    own = found.passage.lines
    lines = [*found.before, *own, *found.after]
    document = [
        {
            "key": line.key,
            "when": line.when,
            "who": line.who,
            "text": line.text,
            "recalled": line in own,
        }
        for line in lines
    ]
    stamp = "%Y-%m-%d %H:%M"
    text = "\n".join(
        f"{'>' if line in own else ' '} {time.strftime(stamp, time.gmtime(line.when))}  {line.who}: {line.text}"
        for line in lines
    )
    emit(args, document, text)
    return 0


def run_forget(args: argparse.Namespace) -> int:
    """Forget the messages of one passage."""
    with open_memory(current_persona(args)) as memory:
        gone = memory.forget(passage=args.id)
    if not gone:
        raise ChatcloneError(f"there is no passage {args.id}", "chatclone memory list")
    emit(
        args,
        {"forgotten": gone},
        f"forgot {gone} messages; a trained adapter does not forget: train again",
    )
    return 0


def run_rebuild(args: argparse.Namespace) -> int:
    """Make the index again."""
    with open_memory(current_persona(args)) as memory:
        memory.rebuild()
        count = memory.count()
    emit(args, {"passages": count}, f"rebuilt: {count} passages")
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Check the memory; problems are exit code 1."""
    with open_memory(current_persona(args)) as memory:
        problems, count = memory.check(), memory.count()
    emit(
        args,
        {"passages": count, "problems": problems},
        "\n".join(problems) or f"sound: {count} passages",
    )
    return 1 if problems else 0
