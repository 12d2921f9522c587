"""The one reader of `dataset/report.json`: the last import, the report of the data set, the options of both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from chatclone.errors import ChatcloneError
from importers.dataset.report import DataReport
from importers.filters.chat_balance import SHARE

Count = Annotated[int, msgspec.Meta(ge=0)]


class DataOptions(msgspec.Struct, frozen=True):
    """What an import was asked for, so that the same data set can be made again."""

    filter: str
    """How replies are chosen: balanced, strict or none."""
    redact: bool
    """Whether personal data is replaced by placeholders."""
    chats: list[str]
    """Names or ids of the chats to learn from; empty means all."""
    pseudonyms: bool = False
    """Whether other people's names are replaced by invented ones."""
    chat_share: float = SHARE
    """The largest share of all trained replies that one chat may give."""


class Account(msgspec.Struct, frozen=True):
    """A participant of the export."""

    id: str
    name: str


class MessageCounts(msgspec.Struct, frozen=True):
    """Where the messages of one import went."""

    read: Count
    dropped: dict[str, int]
    """Reason to the number of messages."""
    duplicates: Count
    """Messages that earlier imports had brought."""


class Split(msgspec.Struct, frozen=True):
    """Trained replies of each part."""

    train: Count
    eval: Count


class ImportRecord(msgspec.Struct, frozen=True):
    """The part of `import --json` that other commands use."""

    owner: Account | None
    persona: Account
    messages: MessageCounts
    split: Split
    warnings: list[str]
    repairs: list[str]


@dataclass(frozen=True)
class StoredReport:
    """The contents of `report.json`."""

    document: dict[str, Any]
    """The whole JSON document."""
    last_import: ImportRecord
    data: DataReport
    options: DataOptions


def read_report(folder: Path) -> StoredReport:
    """Read the report in a data set's folder; a missing or damaged file is a `ChatcloneError`."""
    path = folder / "report.json"
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return StoredReport(
            document,
            msgspec.convert(document["import"], ImportRecord),
            DataReport.from_dict(document["data"]),
            msgspec.convert(document["options"], DataOptions),
        )
    except KeyError as error:
        reason: object = f"{error} is missing"
    except (msgspec.MsgspecError, ValueError) as error:
        reason = error
    except OSError as error:
        reason = error.strerror
    raise ChatcloneError(
        "cannot read the report of the data set, {path}: {reason}",
        "import again: chatclone import",
        path=path,
        reason=reason,
    )
