"""Errors a person can act on; everything else is a bug and keeps its traceback.

ChatcloneError
├── UsageError        the command line or a setting is wrong (exit code 2)
├── MissingExtra      an optional part is not installed
└── (anything else raised with a message and a hint, exit code 1)
"""

from chatclone.i18n.message import Message


class ChatcloneError(Exception):
    """What went wrong, and what to try next; the command line prints exactly these two lines.

    Both may hold placeholders, filled from `values`: `ChatcloneError("cannot read {path}", "check it", path=path)`.
    Texts written this way can be translated; they are the keys of the catalogues.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str, **values: object) -> None:
        self.message = message if isinstance(message, Message) else Message(message, **values)
        self.hint = hint if isinstance(hint, Message) else Message(hint, **values)
        super().__init__(self.message)


class UsageError(ChatcloneError):
    """The request itself makes no sense: an unknown option value, a contradiction."""

    exit_code = 2


class MissingExtra(ChatcloneError):
    """A part of the program needs packages that are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            "{what} needs packages that are not installed",
            "pip install 'chatclone[{extra}]'",
            what=what,
            extra=extra,
        )
