"""The pages of Telegram's HTML export: which files make up which chat, and what the pages about the account tell."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from importers.files import natural
from importers.message import NAMED, ChatKind
from importers.source import File, ImportFailure
from importers.telegram.html_message import DELETED, number_of
from importers.telegram.html_text import line_of

SUMMARY, LISTING = "export_results.html", "lists/chats.html"
"""The pages of a whole account: about its owner, and its list of chats."""
LARGEST_PAGE = 64 << 20
"""Bytes. A page holds 1000 messages of at most 4096 letters; a larger file is none that Telegram wrote."""
HEADER_BYTES = 1 << 18
"""Enough of a page's beginning for its heading and its first messages."""

_PAGE = re.compile(r"(?:(.*)/)?messages(\d{0,9})\.html$")
_LISTED = re.compile(r"(?:\.\./)*(.+)/messages\d*\.html")
_KINDS: dict[str, ChatKind] = {"private": "personal", "bot": "bot", "group": "group", "channel": "channel"}


@dataclass(frozen=True)
class Pages:
    """The pages of one chat, by their numbers."""

    folder: str
    by_number: tuple[tuple[int, File], ...]

    @property
    def missing(self) -> list[int]:
        """The numbers of pages that should be there and are not, if those that are there are the last ones."""
        numbers = {number for number, _ in self.by_number}
        return [number for number in range(1, max(numbers) + 1) if number not in numbers]


@dataclass(frozen=True)
class Listed:
    """What an account's list says of a chat."""

    kind: ChatKind
    own_only: bool


def chats_in(files: Mapping[str, File]) -> list[Pages]:
    """Return the chats among an export's files, in natural order; a page without a number is the first."""
    found: dict[str, dict[int, File]] = {}
    for name, file in files.items():
        if page := _PAGE.match(name):
            found.setdefault(page[1] or "", {}).setdefault(int(page[2] or 1), file)
    ordered = sorted(found.items(), key=lambda item: natural(item[0]))
    return [Pages(folder, tuple(sorted(pages.items(), key=lambda page: page[0]))) for folder, pages in ordered]


def parse(file: File) -> tuple[LexborHTMLParser, bool]:
    """Return a page and whether it is whole."""
    content = _content(file, LARGEST_PAGE + 1)
    if len(content) > LARGEST_PAGE:
        hint = "name the folder of one export, as Telegram wrote it"
        raise ImportFailure(f"{file.name} is larger than {LARGEST_PAGE >> 20} MB, too large for a page of chat", hint)
    return LexborHTMLParser(content), content.rstrip().endswith(b"</html>")


def heading(page: LexborHTMLParser) -> str:
    """Return the name in a page's heading, which is that of the chat."""
    found = page.css_first("div.page_header .text")
    return (line_of(found) if found else "") or DELETED


def beginning(file: File) -> LexborHTMLParser:
    """Return what stands at the beginning of a page."""
    return LexborHTMLParser(_content(file, HEADER_BYTES))


def _content(file: File, size: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(size)
    except OSError as error:
        hint = "check that you may read it"
        raise ImportFailure(f"{file.name} cannot be read: {error.strerror or error}", hint) from None


def chat_ids(chats: Iterable[Pages]) -> dict[str, str]:
    """Return an id for each chat's folder, made of its name, and for several of one name of their first messages."""
    starts = {chat.folder: beginning(chat.by_number[0][1]) for chat in chats}
    names = {folder: heading(page) for folder, page in starts.items()}
    often = Counter(names.values())
    ids: dict[str, str] = {}
    for folder, page in starts.items():
        number = next((n for block in page.css("div.message.default") if (n := number_of(block)) is not None), 0)
        ids[folder] = f"{NAMED}{names[folder]}" + (f"/{number}" if often[names[folder]] > 1 else "")
    return ids


def account_name(files: Mapping[str, File]) -> str:
    """Return the name of the account's owner, which its summary gives without an id; empty where there is none."""
    if SUMMARY not in files:
        return ""
    page, _ = parse(files[SUMMARY])
    return " ".join(line_of(value) for value in page.css("div.personal_info div.names div.value"))


def listing(files: Mapping[str, File]) -> dict[str, Listed]:
    """Return what the account's list tells of its chats, by their folders."""
    found: dict[str, Listed] = {}
    if LISTING not in files:
        return found
    page, _ = parse(files[LISTING])
    for entry in page.css("a.entry"):
        place = _LISTED.match(entry.attributes.get("href") or "")
        texts = {
            part: line_of(node) for part in ("name", "info", "details_entry") if (node := entry.css_first(f".{part}"))
        }
        if place:
            kind = _KINDS.get(texts.get("info", ""), "group")
            if kind == "personal" and texts.get("name") in ("Saved messages", "Saved Messages"):
                kind = "saved"
            elif kind == "personal" and texts.get("name") == "Replies":
                kind = "bot"
            found[place[1]] = Listed(kind, "outgoing message" in texts.get("details_entry", ""))
    return found
