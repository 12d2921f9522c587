"""Watches a training run beside the app: finds it when the app opens, and notifies when it has ended."""

import sys
from typing import TYPE_CHECKING

from textual.app import App
from textual.screen import Screen

from chatclone.i18n.error_text import explained
from chatclone.i18n.translate import tr
from chatclone.tui.services.journey import Journey

if TYPE_CHECKING:
    from chatclone.tui.services.training_runs import Training

WATCH_SECONDS = 1.0
"""Seconds between checks whether a training has ended."""


class TrainingWatch:
    """Checks in threads, so that the app stays responsive on a slow disk."""

    def __init__(self, app: App[None], journey: Journey) -> None:
        self._app = app
        self._journey = journey
        self._checking = False

    def begin(self) -> None:
        """Look for a run that outlived the app, and check from now on whether it has ended."""
        self._app.run_worker(self._find, thread=True, group="find", exit_on_error=False)
        self._app.set_interval(WATCH_SECONDS, self._check)

    def _find(self) -> None:
        from chatclone.tui.services.training_runs import find_training  # not before the first paint

        persona = self._journey.persona
        if persona is not None and self._journey.training is None:
            training = find_training(persona, self._journey.work.worker_lives)
            if training is not None and self._journey.training is None:
                self._journey.training = training
                if training.running():
                    self._app.notify(
                        tr("{name}'s training is still running: /train shows it.", name=persona.name), markup=False
                    )

    def _check(self) -> None:
        training = self._journey.training
        if training is not None and not training.notified and not self._checking:
            self._checking = True
            self._app.run_worker(lambda: self._check_run(training), thread=True, group="watch", exit_on_error=False)

    def _check_run(self, training: "Training") -> None:
        """Notify once that a training has ended, unless its page is on the screen."""
        ended = not training.running()
        self._checking = False
        if ended and not training.notified and not _shows_it(self._app.screen):
            training.notified = True
            name = training.persona.name
            if training.failure:
                title = tr("{name}'s training failed", name=name)
                self._app.notify(explained(training.failure), title=title, severity="error", timeout=60, markup=False)
            else:
                text = tr("{name}'s training has finished: /train shows the result and starts a chat.", name=name)
                self._app.notify(text, timeout=20, markup=False)


def is_page(screen: Screen[object]) -> bool:
    """Return whether a screen is a page; no page is imported before one is opened."""
    page = sys.modules.get("chatclone.tui.screens.page")
    return page is not None and isinstance(screen, page.Page)


def _shows_it(screen: Screen[object]) -> bool:
    return is_page(screen) and getattr(screen, "heading", "") == "Training"
