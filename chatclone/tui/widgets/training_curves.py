"""The curves of a training: loss while it learns, and eval loss on replies it does not learn from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.color import Color
from textual.containers import Vertical

from chatclone.i18n.translate import tr

if TYPE_CHECKING:
    from textual_plotext import PlotextPlot

Points = Sequence[tuple[int, float]]
FEWEST = 2
"""Points that make a curve."""
MOST = 400
"""Points drawn; of more, every so many-th is, as no terminal has more columns."""

TICKS = 4


class Curves(Vertical):
    """Empty until there is something to draw; only then is the plotting library loaded."""

    _plot: "PlotextPlot | None" = None
    _drawn: tuple[int, int] = (0, 0)

    def compose(self) -> ComposeResult:
        """Begin empty."""
        yield from ()

    async def show(self, losses: Points, evals: Points) -> None:
        """Draw both curves."""
        if len(losses) < FEWEST or self._drawn == (len(losses), len(evals)):
            return
        self._drawn = (len(losses), len(evals))
        if self._plot is None:
            from textual_plotext import PlotextPlot

            self._plot = PlotextPlot()
            await self.mount(self._plot)
            self.add_class("-drawn")
        plt = self._plot.plt
        plt.clear_data()
        every = max(1, len(losses) // MOST)
        thinned = [*losses[::every]]
        loss, held_out = (Color.parse(self.app.theme_variables[name]).rgb for name in ("accent", "warning"))
        steps, values = zip(*thinned, strict=True)
        plt.plot(steps, values, label=tr("loss"), marker="braille", color=loss)
        if evals:
            steps, values = zip(*evals, strict=True)
            plt.plot(steps, values, label=tr("held out"), marker="dot", color=held_out)
        last = losses[-1][0]
        plt.xticks(sorted({round(last * part / TICKS) for part in range(TICKS + 1)}))
        plt.xlabel(tr("step"))
        self._plot.refresh()
