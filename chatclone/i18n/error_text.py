"""How an error is said: what is wrong, and on a second line what to try."""

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr, tr_elsewhere


def hinted(what: str, hint: str = "") -> str:
    """Return what is wrong with what to try below it, where there is something; other rooms speak English."""
    what, hint = tr_elsewhere(what), tr_elsewhere(hint)
    return tr("{what}\ntry: {hint}", what=what, hint=hint) if hint else what


def explained(error: ChatcloneError) -> str:
    """Return an error in two lines."""
    return hinted(error.message, error.hint)


def explained_error(error: ChatcloneError) -> str:
    """Return an error in two lines, the first of which says that it is one."""
    return tr("error: {what}", what=explained(error))


def explained_text(text: str) -> str:
    """Return the text of `answering.explain` as an error."""
    return tr("error: {what}", what=hinted(*text.partition("\n")[::2]))
