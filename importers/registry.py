"""Which platform wrote what lies at a path, told by its content, and the exports in it.

A path may be an export's file, its folder, a zip of it, or a folder with several exports.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from importers.files import ExportFiles, first_bytes, in_folder, in_zip, is_zip
from importers.message import Message
from importers.source import Export, ImportFailure, Reading, Source
from importers.telegram.html_export import TelegramHtmlExport
from importers.telegram.html_pages import LISTING, SUMMARY
from importers.telegram.json_export import TelegramExport
from importers.telegram.locate import EXPORT_FILE, PAGE, Found, find

PLATFORMS = ("telegram",)
"""What can be read, by the names that `--from` takes."""

_JSON_START = re.compile(rb"\{|\[\s*([\[{\]\"]|\d+\s*,|$)")
_HTML_START = re.compile(rb"<(!doctype html|html|!--)", re.IGNORECASE)
_HOW_TO = "in Telegram Desktop: chat menu, Export chat history, format JSON; then import its result.json"


class Noted:
    """An export with something to say about how it was found."""

    def __init__(self, export: Export, note: str) -> None:
        self._export, self._note = export, note

    @property
    def reading(self) -> Reading:
        """The tallies of the latest pass over the messages."""
        return self._export.reading

    def messages(self) -> Iterator[Message]:
        """Read the export from its beginning."""
        yield from self._export.messages()
        self.reading.warnings.append(self._note)


def open_export(path: Path, platform: str | None = None) -> Export:
    """Return the one export at `path`; raises ImportFailure if there is none, or more than one."""
    exports = open_exports(path, platform)
    if len(exports) > 1:
        raise ImportFailure(f"{path} holds {len(exports)} exports", "name one of them")
    return exports[0]


def open_exports(path: Path, platform: str | None = None) -> list[Export]:
    """Return all exports at `path`, at least one; raises ImportFailure where something cannot be one."""
    if platform is not None and platform not in PLATFORMS:
        raise ImportFailure(f'"{platform}" is no platform known here', f"known are {', '.join(PLATFORMS)}")
    with _files_readable(path):
        if not path.exists():
            raise ImportFailure(
                f"{path} does not exist", "check the path; Telegram Desktop calls its export result.json"
            )
        if path.is_dir():
            return _exports_in(in_folder(path))
        if is_zip(path):
            return _exports_in(in_zip(path))
        if _HTML_START.match(first_bytes(path, 4096)):
            return [_of_page(path)]
        return [_json(path)]


@contextmanager
def _files_readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ImportFailure(
            f"{error.filename or path} cannot be read: {error.strerror or error}", "check that you may read it"
        ) from None


def _exports_in(files: ExportFiles) -> list[Export]:
    if found := find(files):
        return [_open(export, files.place) for export in found]
    # People rename their exports; take what is one, if anything is.
    renamed = [file for name, file in files.files.items() if "/" not in name and name.endswith(".json")]
    if len(renamed) == 1:
        return [_json(renamed[0])]
    tried = [(file.name, _if_telegram(file)) for file in renamed]
    if exports := [export for _, export in tried if export is not None]:
        others = [name for name, export in tried if export is None]
        return [Noted(exports[0], f"no exports, left out: {', '.join(others)}"), *exports[1:]] if others else exports
    outside = f"; {files.left_out} of its files lead out of it and were not read" if files.left_out else ""
    raise ImportFailure(
        f"{files.place} holds no {EXPORT_FILE} and no messages.html{outside}", "name the folder or the zip of an export"
    )


def _open(found: Found, place: Path) -> Export:
    if found.json is not None:
        export: Export = _json(found.json)
        where = f" in {found.folder}" if found.folder else ""
        return (
            Noted(export, f"{EXPORT_FILE}{where} was read, not the HTML beside it")
            if found.other_form_ignored
            else export
        )
    html = TelegramHtmlExport(found.pages or {})
    if html.recognise():
        return html
    raise ImportFailure(f"{place} holds HTML, but no chat export known here", _HOW_TO)


def _of_page(path: Path) -> Export:
    """Return the export that a page belongs to; any of its pages names the whole."""
    listed = f"{path.parent.name}/{path.name}" == LISTING
    if listed or PAGE.match(path.name) or path.name == SUMMARY:
        here = [
            export for export in find(in_folder(path.parent.parent if listed else path.parent)) if not export.folder
        ]
        if here:
            return _open(here[0], path)
    html = TelegramHtmlExport({"messages.html": path})
    if html.recognise():
        return html
    raise ImportFailure(f"{path.name} is HTML, but no chat export known here", _HOW_TO)


def _if_telegram(file: Source) -> Export | None:
    """Return the export in a file, or None where there is none or it is broken."""
    try:
        return _json(file)
    except ImportFailure:
        return None


def _json(file: Source) -> Export:
    _refuse_other_files(file)
    export = TelegramExport(cast(Path, file))  # needs of a path no more than a Source has
    if export.recognise():
        return export
    raise ImportFailure(f"{file.name} is JSON, but no export known here", _HOW_TO)


def _refuse_other_files(file: Source) -> None:
    """Name what is plainly something else, so that nobody looks for a fault in line 1."""
    start = first_bytes(file, 4096)
    if not start:
        raise ImportFailure(f"{file.name} is empty", "export it again")
    if not _JSON_START.match(start):
        raise ImportFailure(
            f"{file.name} is not JSON: line 1, column 1", "a Telegram export in the format JSON is called result.json"
        )
