"""Children of a test that are to be ended by Ctrl+C, however the test run was started."""

import signal


def heed_interrupts() -> None:
    """Undo, in a child before it begins, that a shell lets what runs in the background ignore Ctrl+C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
