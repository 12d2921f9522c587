"""Unexpected errors in the app's threads: logged with their place and shown, instead of lost behind the screen."""

import logging
import threading
from contextlib import suppress

from textual.app import App

from chatclone.i18n.error_text import explained_bug

logger = logging.getLogger(__name__)


def show_thread_failures(app: App[None]) -> None:
    """Log what ends a thread of this process unexpectedly, and show it in `app`, until the app ends."""

    def failed(failure: threading.ExceptHookArgs) -> None:
        error = failure.exc_value
        if not isinstance(error, Exception):  # SystemExit ends a thread on purpose
            return
        from chatclone.clone.saved_reply import log_failure

        log_failure(logger, f"thread {failure.thread.name if failure.thread else ''}", error)
        with suppress(RuntimeError):  # the app is ending
            app.call_from_thread(app.notify, explained_bug(error), severity="error", markup=False)

    threading.excepthook = failed
