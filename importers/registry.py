"""All platforms whose exports can be imported, by name.

Another package adds a platform by an entry point of the group `chatclone.sources`: its name is that of the platform,
its value an `importers.source.Source`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from importers.files import first_bytes
from importers.source import Export, ImportFailure, Source

GROUP = "chatclone.sources"
BUILT_IN = (EntryPoint("telegram", "importers.telegram.source:TELEGRAM", GROUP),)


def names() -> list[str]:
    """Return the names of all platforms, the built-in ones first."""
    return list(_entries())


def source(name: str) -> Source:
    """Return a platform by its name; raises ImportFailure where it is unknown or cannot be loaded."""
    entry = _entries().get(name)
    if entry is None:
        raise ImportFailure("unknown platform: {name}", "one of: {known}", name=name, known=", ".join(names()))
    try:
        loaded = entry.load()
    except Exception as error:  # the code is another package's
        hint = "update or uninstall the package that brings {value}"
        raise ImportFailure(
            "the platform {name} cannot be loaded: {why}", hint, name=name, why=error, value=entry.value
        ) from error
    if not isinstance(loaded, Source) or loaded.name != name:
        raise ImportFailure(
            "{value} is not an importers.source.Source named {name}",
            "update or uninstall the package that brings {value}",
            value=entry.value,
            name=name,
        )
    return loaded


def _entries() -> dict[str, EntryPoint]:
    built_in = {entry.name: entry for entry in BUILT_IN}
    return built_in | {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in built_in}


def open_exports(path: Path, platform: str | None = None) -> list[Export]:
    """Return all exports at `path`, at least one.

    Which platform wrote them is detected where `platform` does not name it. Raises ImportFailure where nothing there
    is an export, or one is damaged.
    """
    wanted = [source(name) for name in ([platform] if platform is not None else names())]
    with _readable(path):
        if not path.exists():
            raise ImportFailure("{path} does not exist", "check the path", path=path)
        if path.is_file() and not first_bytes(path):
            raise ImportFailure("{name} is empty", "export it again", name=path.name)
        if platform is not None:
            return wanted[0].read(path)
        damaged = None
        for each in wanted:
            try:
                if each.detect(path):
                    return each.read(path)
            except ImportFailure as failure:
                damaged = damaged or failure
    ways = [each.how_to_export for each in wanted]
    # The hint of a single platform can be translated.
    hint = "{ways}" if len(ways) > 1 else ways[0]
    raise damaged or ImportFailure(
        "{path} is not a chat export that can be read", hint, path=path, ways="; ".join(ways)
    )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ImportFailure(
            "{path} cannot be read: {why}",
            "check the permissions of the file",
            path=error.filename or path,
            why=error.strerror or error,
        ) from None
