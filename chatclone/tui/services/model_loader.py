"""Loading the model behind the screen."""

import gc
import logging
from collections.abc import Callable

from textual.message import Message

from chatclone.clone.saved_reply import explain, log_failure
from chatclone.tui.services.open_personas import CloneFactory
from chatclone.tui.services.thread_messages import CloneAsleep, CloneAwake

log = logging.getLogger(__name__)


def wake(clone_factory: CloneFactory, post: Callable[[Message], bool]) -> None:
    """Load the model, in a thread of its own, and tell the screen how that went; the chats stay readable.

    What is there by then stays: the garbage collector leaves it alone from now on. Going through all of it, it held up
    a reply for 50 ms again and again.
    """
    try:
        clone, note = clone_factory()
    except Exception as error:
        log_failure(log, "waking up", error)
        post(CloneAsleep(explain(error)))
    else:
        gc.freeze()
        post(CloneAwake(clone, note))
