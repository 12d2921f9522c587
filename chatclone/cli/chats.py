"""`chatclone chats`: the conversations with the clone, from the shell."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone.cli.common_options import current_persona, emit, print_utf8, say
from chatclone.errors import ChatcloneError, UsageError

if TYPE_CHECKING:
    from chatclone.conversations import ChatStore, Conversation, Found, StoredMessage
    from chatclone.conversations.document import ConversationDocument
    from chatclone.conversations.file_formats import Kind


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser(
        "chats", parents=parents, help="list, search, show, export, import and delete conversations with the clone"
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_reading(verbs, parents)
    _add_changing(verbs, parents)


def _add_reading(verbs: Any, parents: list[argparse.ArgumentParser]) -> None:
    listing = verbs.add_parser("list", parents=parents, help="the conversations, pinned ones first, then the latest")
    listing.add_argument("--limit", type=_whole, default=20, metavar="N", help="how many (default: 20)")
    listing.add_argument("--offset", type=_whole, default=0, metavar="N", help="leave out the first N")
    listing.add_argument("--titled", default="", metavar="WORDS", help="only those whose titles hold these words")
    listing.set_defaults(run=run_list)
    search = verbs.add_parser(
        "search",
        parents=parents,
        help="find messages in all conversations, the newest first",
        description="Each word is the beginning of one; words in one pair of quotes stand exactly so.",
    )
    search.add_argument("query", nargs="+", metavar="WORD")
    search.add_argument("--limit", type=_whole, default=20, metavar="N", help="how many (default: 20)")
    search.add_argument("--before", type=int, metavar="ID", help="go on after this message: the next page")
    search.set_defaults(run=run_search)
    show = verbs.add_parser("show", parents=parents, help="the last messages of a conversation, or those around one")
    show.add_argument("id", type=int, metavar="ID")
    show.add_argument("--limit", type=_whole, default=40, metavar="N", help="how many messages (default: 40)")
    show.add_argument("--around", type=int, metavar="MESSAGE", help="a message that was found, with its surroundings")
    show.set_defaults(run=run_show)
    export = verbs.add_parser(
        "export",
        parents=parents,
        help="write conversations to a file, or to stdout",
        description="JSON holds every version of every message and can be imported again without loss. "
        "Markdown holds what is shown, for reading, and can be imported too.",
    )
    export.add_argument("id", type=int, nargs="*", metavar="ID", help="which ones (default: all)")
    export.add_argument("--format", choices=("json", "markdown"), help="default: as the file is called, else JSON")
    export.add_argument("--out", type=Path, metavar="FILE", help="where to write; stdout without it")
    export.set_defaults(run=run_export)


def _add_changing(verbs: Any, parents: list[argparse.ArgumentParser]) -> None:
    importing = verbs.add_parser("import", parents=parents, help="add conversations from files that export has written")
    importing.add_argument("path", type=Path, nargs="+", metavar="FILE")
    importing.set_defaults(run=run_import)
    delete = verbs.add_parser(
        "delete", parents=parents, help="delete conversations; they can be restored for a week, unless --now"
    )
    delete.add_argument("id", type=int, nargs="+", metavar="ID")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument("--now", action="store_true", help="for good, at once, with all that was deleted before")
    delete.set_defaults(run=run_delete)
    restore = verbs.add_parser("restore", parents=parents, help="bring back what was deleted; without an ID, list it")
    restore.add_argument("id", type=int, nargs="?", metavar="ID", help="the number of the deletion")
    restore.set_defaults(run=run_restore)


def run_list(args: argparse.Namespace) -> int:
    """List conversations."""
    with _opened(args) as store:
        found = store.conversations(args.limit, args.offset, titled=args.titled)
    text = "\n".join(
        f"{c.id:>5} {'*' if c.pinned else ' '} {_moment(c.updated_at)}  {c.length:>6} messages  {_line(c.title)}"
        for c in found
    )
    emit(args, [_conversation(c) for c in found], text or "no conversations")
    return 0


def run_search(args: argparse.Namespace) -> int:
    """Show which messages hold the words."""
    # A word that the shell was given with spaces in it was quoted there.
    query = " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in args.query)
    with _opened(args) as store:
        found = store.search(query, before=args.before, limit=args.limit)
    text = "\n".join(
        f"{_moment(f.created_at)}  {_line(f.title)}  (show {f.conversation} --around {f.message})\n"
        f"    {_line(f.snippet)}"
        for f in found
    )
    emit(args, [_found(f) for f in found], text or "nothing found")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Show a page of a conversation."""
    persona = current_persona(args)
    with _opened(args) as store:
        conversation = store.conversation(args.id)
        if args.around is not None and store.message(args.around).conversation != args.id:
            raise ChatcloneError(
                "message {around} is not in conversation {number}",
                "chatclone chats search WORD",
                around=args.around,
                number=args.id,
            )
        messages = store.messages(args.id, args.limit, around=args.around)
    names = {"user": "you", "assistant": f"{_line(persona.name)} (clone)"}
    below = "\n" + " " * 20
    text = "\n".join(
        f"{_moment(m.created_at)}  {names[m.role]}: {_line(m.text, below)}"
        + (f"  ({m.state})" if m.state != "done" else "")
        for m in messages
    )
    emit(args, {**_conversation(conversation), "messages": [_message(m) for m in messages]}, text or "no messages")
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write conversations out."""
    from chatclone.conversations import file_formats
    from chatclone.storage.atomic_files import write_atomically

    kind: Kind = args.format or ("markdown" if args.out and args.out.suffix in (".md", ".markdown") else "json")
    persona = current_persona(args)
    with _opened(args) as store:
        numbers = args.id or [c.id for c in store.conversations(store.count(), order="created")]
        text = file_formats.written((store.document(number) for number in numbers), kind, persona.name)
    if args.out is None:
        if getattr(args, "json", False) and kind != "json":
            raise UsageError("--json and Markdown on stdout exclude each other", "add --out chat.md")
        print_utf8()
        sys.stdout.write(text)
        return 0
    if not args.out.parent.is_dir():
        raise ChatcloneError("there is no folder {folder}", "create it, or choose another", folder=args.out.parent)
    write_atomically(args.out, text)
    document = {"file": str(args.out), "format": kind, "conversations": len(numbers)}
    emit(args, document, f"{len(numbers)} conversations written to {args.out}")
    return 0


def run_import(args: argparse.Namespace) -> int:
    """Read conversations in: all files or none."""
    from chatclone.conversations import file_formats

    documents: list[ConversationDocument] = []
    for path in args.path:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ChatcloneError(
                "{path} cannot be read: {error}", "check the path", path=path, error=error.strerror
            ) from error
        documents += file_formats.read(data)
    with _opened(args) as store:
        added = store.insert(documents)
    known = len(documents) - len(added)
    text = f"{len(added)} conversations imported" + (f", {known} were here already" if known else "")
    emit(args, {"imported": [_conversation(c) for c in added], "known": known}, text)
    return 0


def run_delete(args: argparse.Namespace) -> int:
    """Delete conversations after asking."""
    with _opened(args) as store:
        titles = [store.conversation(number).title for number in args.id]
        if not args.yes:
            _ask(f"Delete {', '.join(map(_line, titles))}? [y/N] ", args.id)
        with store.alone():
            deletions = [store.delete(number).id for number in args.id]
        purged = store.purge(0) if args.now else 0
    document = {"deleted": args.id, "deletions": [] if args.now else deletions, "purged": purged}
    hint = "they are gone for good" if args.now else f"undo with: chatclone chats restore {deletions[0]}"
    emit(args, document, f"{len(args.id)} conversations deleted; {hint}")
    return 0


def run_restore(args: argparse.Namespace) -> int:
    """Bring a deletion back, or list what can be."""
    with _opened(args) as store:
        found = store.deletions() if args.id is None else [store.restore(args.id)]
    document = [
        {
            "id": d.id,
            "conversation": d.conversation,
            "message": d.message,
            "messages": d.messages,
            "deleted_at": _iso(d.deleted_at),
        }
        for d in found
    ]
    if args.id is not None:
        emit(args, document[0], f"conversation {found[0].conversation} is back with {found[0].messages} messages")
        return 0
    rows = (f"{d.id:>5}  {_moment(d.deleted_at)}  conversation {d.conversation}, {d.messages} messages" for d in found)
    emit(args, document, "\n".join(rows) or "nothing was deleted")
    return 0


def _opened(args: argparse.Namespace) -> "ChatStore":
    from chatclone.conversations import ChatStore

    return ChatStore.open(current_persona(args).chats_file)


def _ask(question: str, numbers: list[int]) -> None:
    """Ask, and leave where the answer is no."""
    if not sys.stdin.isatty():
        again = " ".join(map(str, numbers))
        raise UsageError("deleting has to be confirmed", "chatclone chats delete {numbers} --yes", numbers=again)
    if input(question).casefold() != "y":
        say("nothing was deleted")
        raise SystemExit(0)


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is less than 0")
    return number


def _line(text: str, newline: str = " ") -> str:
    """Return text for a terminal: what would move its cursor or change its colours is shown as a sign."""
    from chatclone.safe_text import visible

    return newline.join(visible(text).split("\n"))


def _moment(when: int) -> str:
    return f"{datetime.fromtimestamp(when):%Y-%m-%d %H:%M}"


def _iso(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def _conversation(c: "Conversation") -> dict[str, Any]:
    return {
        "id": c.id,
        "title": c.title,
        "partner": c.partner,
        "messages": c.length,
        "unread": c.unread,
        "pinned": c.pinned,
        "created_at": _iso(c.created_at),
        "updated_at": _iso(c.updated_at),
    }


def _found(f: "Found") -> dict[str, Any]:
    return {
        "conversation": f.conversation,
        "message": f.message,
        "title": f.title,
        "role": f.role,
        "created_at": _iso(f.created_at),
        "snippet": f.snippet,
        "matches": [list(place) for place in f.matches],
    }


def _message(m: "StoredMessage") -> dict[str, Any]:
    from chatclone.clone.clone import hit_document

    return {
        "id": m.id,
        "role": m.role,
        "text": m.text,
        "state": m.state,
        "created_at": _iso(m.created_at),
        "version": m.version,
        "versions": m.versions,
        "memory": [hit_document(hit) for hit in m.memory],
    }
