"""Textual's driver for browsers, which also ends the app when the server is gone."""

from textual import messages
from textual.drivers.web_driver import WebDriver


class BrowserDriver(WebDriver):
    """Ends the app at the end of its input, so that a killed server leaves no app with its model behind."""

    def run_input_thread(self) -> None:
        """Read input until there is none, then exit."""
        try:
            super().run_input_thread()
        finally:
            self._app.post_message(messages.ExitApp())
