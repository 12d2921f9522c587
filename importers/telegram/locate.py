"""Finds the exports among the files of a folder or a zip, and chooses JSON over HTML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from importers.files import ExportFiles, natural
from importers.source import File
from importers.telegram.html_pages import LISTING, SUMMARY

EXPORT_FILE = "result.json"
"""The name of Telegram Desktop's JSON."""
PAGE = re.compile(r"messages\d*\.html$")
_CHATS = "chats"
"""The folder of an account's HTML with a folder for each chat."""


@dataclass(frozen=True)
class Found:
    """One export: its JSON file, or the pages of its HTML by their paths below its folder."""

    folder: str
    json: File | None = None
    pages: Mapping[str, File] | None = None
    other_form_ignored: bool = False
    """Whether the folder also holds the same messages as HTML."""


def find(files: ExportFiles) -> list[Found]:
    """Return all exports, in natural order; files below the folder of an export belong to that export."""
    found: list[Found] = []
    claimed: list[str] = []
    for folder in _folders(files.files):
        if any(folder == c or folder.startswith(f"{c}/") or not c for c in claimed):
            continue
        export = _in_folder(folder, files)
        if export is not None:
            found.append(export)
            claimed.append(folder)
    return found


def _folders(files: Mapping[str, File]) -> list[str]:
    """Return every folder above a file, outer ones first."""
    folders = {""}
    for name in files:
        folders.update("" if str(parent) == "." else str(parent) for parent in PurePosixPath(name).parents)
    return sorted(folders, key=lambda name: (name.count("/") + bool(name), natural(name)))


def _in_folder(folder: str, files: ExportFiles) -> Found | None:
    below = files.below(folder)
    pages = {name: file for name, file in below.items() if name.endswith(".html") and _is_part(name, below)}
    has_pages = any(PAGE.search(name) for name in pages)
    if EXPORT_FILE in below:
        return Found(folder, json=below[EXPORT_FILE], other_form_ignored=has_pages)
    return Found(folder, pages=pages) if has_pages else None


def _is_part(name: str, below: Mapping[str, File]) -> bool:
    """Tell whether a page belongs to an export in this folder itself: a chat's pages, or an account's."""
    if "/" not in name:
        return PAGE.match(name) is not None or name == SUMMARY
    account = SUMMARY in below or LISTING in below
    return account and (name == LISTING or (name.startswith(f"{_CHATS}/") and PAGE.search(name) is not None))
