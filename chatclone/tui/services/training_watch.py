"""Looks after a training that goes on beside the app: found again when the app opens, and told of when it is over."""

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
"""How often the app looks whether a training has ended."""


class TrainingWatch:
    """Looks in threads, so that an app on a slow disk stays quick."""

    def __init__(self, app: App[None], journey: Journey) -> None:
        self._app = app
        self._journey = journey
        self._looking = False

    def begin(self) -> None:
        """Look for a run that outlived the app, and from now on whether one is over."""
        self._app.run_worker(self._find, thread=True, group="find", exit_on_error=False)
        self._app.set_interval(WATCH_SECONDS, self._look)

    def _find(self) -> None:
        from chatclone.tui.services.training_runs import find_training  # not before the first paint

        persona = self._journey.persona
        if persona is not None and self._journey.training is None:
            training = find_training(persona, self._journey.work.worker_lives)
            if training is not None and self._journey.training is None:
                self._journey.training = training
                if training.running():
                    self._app.notify(tr("{name}'s training goes on. /train shows it.", name=persona.name), markup=False)

    def _look(self) -> None:
        training = self._journey.training
        if training is not None and not training.told and not self._looking:
            self._looking = True
            self._app.run_worker(lambda: self._look_at(training), thread=True, group="watch", exit_on_error=False)

    def _look_at(self, training: "Training") -> None:
        """Tell once that a training is over; the page that shows it tells by itself."""
        ended = not training.running()
        self._looking = False
        if ended and not training.told and not _shows_it(self._app.screen):
            training.told = True
            name = training.persona.name
            if training.failure:
                title = tr("{name}'s training failed", name=name)
                self._app.notify(explained(training.failure), title=title, severity="error", timeout=60, markup=False)
            else:
                text = tr("{name} is trained. /train says how well, and opens the chat anew.", name=name)
                self._app.notify(text, timeout=20, markup=False)


def is_page(screen: Screen[object]) -> bool:
    """Return whether a screen is a page of the way; while none is imported, none is."""
    page = sys.modules.get("chatclone.tui.screens.page")
    return page is not None and isinstance(screen, page.Page)


def _shows_it(screen: Screen[object]) -> bool:
    return is_page(screen) and getattr(screen, "heading", "") == "Training"
