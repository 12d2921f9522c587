"""Which platform wrote a file, told by its content, and the export in it."""

import re
from pathlib import Path

from importers.reading import Export, ImportFailure
from importers.telegram import TelegramExport

PLATFORMS = ("telegram",)
"""What can be read, by the names that `--from` takes."""
EXPORT_FILE = "result.json"
"""The file Telegram Desktop writes into an export's folder."""

_JSON_START = re.compile(rb"\{|\[\s*([\[{\]\"]|\d+\s*,|$)")


def open_export(path: Path, platform: str | None = None) -> Export:
    """Return the export at `path`, a file or the folder that holds it; raises ImportFailure if it cannot be one."""
    if platform is not None and platform not in PLATFORMS:
        raise ImportFailure(f'"{platform}" is no platform known here', f"known are {', '.join(PLATFORMS)}")
    file = _file_in(path)
    try:
        _refuse_other_files(file)
        export = TelegramExport(file)
        if export.recognise():
            return export
    except OSError as error:
        raise ImportFailure(f"{file} cannot be read: {error.strerror}", "check that you may read it") from None
    raise ImportFailure(
        f"{file.name} is JSON, but no export known here",
        "in Telegram Desktop: chat menu, Export chat history, format JSON; then import its result.json",
    )


def _file_in(path: Path) -> Path:
    if path.is_dir():
        if (path / EXPORT_FILE).is_file():
            return path / EXPORT_FILE
        if any(path.glob("messages*.html")):
            raise ImportFailure(f"{path} holds an HTML export", "export again with the format JSON")
        raise ImportFailure(f"{path} holds no {EXPORT_FILE}", f"name the folder of one export, or its {EXPORT_FILE}")
    if not path.exists():
        raise ImportFailure(f"{path} does not exist", "check the path; Telegram Desktop calls its export result.json")
    return path


def _refuse_other_files(file: Path) -> None:
    """Name what is plainly something else, so that nobody looks for a fault in line 1."""
    with file.open("rb") as opened:
        start = opened.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise ImportFailure(f"{file.name} is empty", "export it again")
    if not _JSON_START.match(start):
        raise ImportFailure(
            f"{file.name} is not JSON: line 1, column 1", "a Telegram export in the format JSON is called result.json"
        )
