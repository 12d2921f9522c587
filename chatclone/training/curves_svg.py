"""A run's curves as one SVG: losses, token accuracy and learning rate over the steps, epochs marked.

It is self-contained: no script, no font to load, colours for a light and for a dark page.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from chatclone.training.loss_history import Curves

WIDTH, LEFT, RIGHT, TOP = 760, 64, 736, 56
"""Pixels: the page's width, the left and right edge of the panels, and the top of the first."""
GAP = 44
"""Pixels between panels, including the name of the one below."""
TICKS = 4
"""About how many grid lines a panel has."""
SMOOTH = 0.06
"""Share of the steps that the train loss is averaged over; single steps are drawn faintly."""

Points = Sequence[tuple[float, float]]
"""Step and value, or x and y in pixels."""


class Panel(NamedTuple):
    """A panel as the template draws it; everything but the name and the labels is in pixels."""

    name: str
    top: int
    height: int
    grid: list[tuple[float, str]]
    epochs: list[float]
    lines: list[tuple[str, Points]]
    """Class and points."""
    dots: list[tuple[str, int, Points]]
    """Class, radius and centres."""


def svg(curves: Curves, title: str) -> str:
    """Return the SVG of a run's curves under a title."""
    best = [(curves.best.step, curves.best.loss)]
    loss, eval_loss = [(s.step, s.loss) for s in curves.steps], [(e.step, e.loss) for e in curves.evaluations]
    accuracy = [(s.step, s.accuracy) for s in curves.steps]
    eval_accuracy = [(e.step, e.accuracy) for e in curves.evaluations]
    rate = [(s.step, s.rate) for s in curves.steps]
    panels = [_panel("loss", TOP, 220, curves, loss, eval_loss, best)]
    panels.append(_panel("token accuracy", _below(panels), 120, curves, accuracy, eval_accuracy))
    panels.append(_panel("learning rate", _below(panels), 90, curves, rate))
    environment = Environment(
        loader=PackageLoader("chatclone.training", "."),
        undefined=StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
    )
    height = _below(panels) - GAP + 42
    values = {"title": title, "panels": panels, "last_step": curves.last_step}
    return environment.get_template("curves.svg.jinja").render(
        values, width=WIDTH, height=height, left=LEFT, right=RIGHT
    )


def _below(panels: list[Panel]) -> int:
    """Return the top of the next panel."""
    return panels[-1].top + panels[-1].height + GAP


def _panel(
    name: str, top: int, height: int, curves: Curves, train: Points, held_out: Points = (), best: Points = ()
) -> Panel:
    """Return a panel with a margin around its values; learning rates begin at 0."""
    finite = [value for _, value in (*train, *held_out) if math.isfinite(value)] or [0.0]
    is_rate = name == "learning rate"
    low, high = 0.0 if is_rate else min(finite), max(finite)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low if low == 0 else low - margin, high + margin

    def x(step: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * step / max(1, curves.last_step), 1)

    def y(value: float) -> float:
        return round(top + height * (high - value) / (high - low), 1)

    def scaled(points: Points) -> Points:
        return [(x(step), y(value)) for step, value in points]

    label: Callable[[float], str] = (lambda v: f"{v:.0%}") if name == "token accuracy" else (lambda v: f"{v:.3g}")
    lines = [("rate", scaled(train))]
    if not is_rate:
        lines = [("faint", scaled(train)), ("train", scaled(smoothed(train))), ("eval", scaled(held_out))]
    return Panel(
        name=name,
        top=top,
        height=height,
        grid=[(y(value), label(value)) for value in ticks(low, high)],
        epochs=[x(step) for step in curves.epoch_ends],
        lines=lines,
        dots=[("eval", 3, scaled(held_out)), ("best", 6, scaled(best))],
    )


def smoothed(points: Points) -> list[tuple[float, float]]:
    """Return the running mean of the points."""
    reach = round(len(points) * SMOOTH / 2)
    means = []
    for index, (step, _) in enumerate(points):
        near = points[max(0, index - reach) : index + reach + 1]
        means.append((step, sum(value for _, value in near) / len(near)))
    return means


def ticks(low: float, high: float) -> list[float]:
    """Return round values between `low` and `high`."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(n * power for n in (1, 2, 5, 10) if n * power >= rough)
    return [number * size for number in range(math.ceil(low / size), math.floor(high / size) + 1)]
