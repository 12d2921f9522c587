"""What draws the app for a browser: Textual's web driver, which also notices that the server is gone."""

from textual import messages
from textual.drivers.web_driver import WebDriver


class WindowDriver(WebDriver):
    """Ends the app at the end of its input: a server that was killed leaves no app with its model behind."""

    def run_input_thread(self) -> None:
        """Read input until there is none, then leave."""
        super().run_input_thread()
        self._app.post_message(messages.ExitApp())
