"""Errors as the app shows them: what is wrong, and on a second line what to try."""

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr, tr_message


def hinted(what: str, hint: str = "") -> str:
    """Return what is wrong, with what to try below it where there is something, in the reader's language."""
    what, hint = tr_message(what), tr_message(hint)
    return tr("{what}\ntry: {hint}", what=what, hint=hint) if hint else what


def explained(error: ChatcloneError) -> str:
    """Return an error in two lines."""
    return hinted(error.message, error.hint)


def explained_error(error: ChatcloneError) -> str:
    """Return an error in two lines that begin with "error:"."""
    return tr("error: {what}", what=explained(error))


def explained_bug(error: Exception) -> str:
    """Return an unexpected error in two lines: its kind, and where to look; its words may quote what people wrote."""
    return tr("error: {what}", what=hinted(type(error).__name__, tr("the log, chatclone.log, says where")))


def explained_text(text: str) -> str:
    """Return the text of `saved_reply.explain` as an error."""
    return tr("error: {what}", what=hinted(*tr_message(text).partition("\n")[::2]))
