"""Errors a person can act on; everything else is a bug and keeps its traceback.

ChatcloneError
├── UsageError        the command line or a setting is wrong (exit code 2)
├── MissingExtra      an optional part is not installed
└── (anything else raised with a message and a hint, exit code 1)
"""


class ChatcloneError(Exception):
    """What went wrong, and what to try next; the command line prints exactly these two lines."""

    exit_code = 1

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ChatcloneError):
    """The request itself makes no sense: an unknown option value, a contradiction."""

    exit_code = 2


class MissingExtra(ChatcloneError):
    """A part of the program needs packages that are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not installed",
            f"pip install 'chatclone[{extra}]'",
        )
