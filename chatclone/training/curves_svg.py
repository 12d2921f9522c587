"""A run's curves as one SVG: losses, token accuracy and learning rate over the steps, epochs marked.

It is self-contained: no script, no font to load, colours for a light and for a dark page.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from chatclone.training.curves import Curves

WIDTH, LEFT, RIGHT, TOP = 760, 64, 24, 56
HEIGHTS = {"loss": 220, "token accuracy": 120, "learning rate": 90}
GAP = 44
"""Pixels between panels, including the name of the one below."""
TICKS = 4
"""About how many grid lines a panel has."""
SMOOTH = 0.06
"""Share of the steps that the train loss is averaged over; single steps are drawn faintly."""

STYLE = """\
svg { color-scheme: light dark; font: 12px ui-sans-serif, system-ui, sans-serif; }
.page { fill: #ffffff; } text { fill: #57606a; } .name { fill: #1f2328; font-weight: 600; }
.grid { stroke: #d8dee4; } .epoch { stroke: #8c959f; stroke-dasharray: 3 4; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.train { stroke: #0969da; } .faint { stroke: #0969da; stroke-width: 1; opacity: .25; }
.eval { stroke: #bc4c00; } .rate { stroke: #8250df; }
circle.eval { fill: #bc4c00; } circle.best { fill: none; stroke: #bc4c00; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117; } text { fill: #9198a1; } .name { fill: #f0f6fc; }
  .grid { stroke: #30363d; } .epoch { stroke: #6e7681; }
  .train, .faint { stroke: #58a6ff; } .eval { stroke: #f0883e; } .rate { stroke: #bc8cff; }
  circle.eval { fill: #f0883e; } circle.best { stroke: #f0883e; }
}"""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel that begins `top` pixels down, and its scales."""

    top: float
    height: float
    steps: int
    low: float
    high: float

    def x(self, step: float) -> float:
        """Return the x coordinate of a step."""
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(1, self.steps)

    def y(self, value: float) -> float:
        """Return the y coordinate of a value."""
        return self.top + self.height * (self.high - value) / (self.high - self.low)

    def line(self, points: Points, kind: str) -> str:
        """Return a line through points of step and value."""
        return f'<polyline class="{kind}" points="{" ".join(f"{self.x(s):.1f},{self.y(v):.1f}" for s, v in points)}"/>'

    def dots(self, points: Points, kind: str, radius: float) -> str:
        """Return a circle at each of the points."""
        places = ((self.x(step), self.y(value)) for step, value in points)
        return "".join(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in places)


def svg(curves: Curves, title: str) -> str:
    """Return the SVG of a run's curves under a title."""
    train = [(float(s.step), s.loss) for s in curves.steps]
    evaluated = [(float(e.step), e.loss) for e in curves.evaluations]
    accuracy = [(float(s.step), s.accuracy) for s in curves.steps]
    accuracy_held_out = [(float(e.step), e.accuracy) for e in curves.evaluations]
    rate = [(float(s.step), s.rate) for s in curves.steps]
    best = [(float(curves.best.step), curves.best.loss)]
    top = float(TOP)
    parts = []
    panels: dict[str, tuple[Points, Points]] = {
        "loss": (train, evaluated),
        "token accuracy": (accuracy, accuracy_held_out),
        "learning rate": (rate, ()),
    }
    for name, (trained, held_out) in panels.items():
        panel = _panel(top, name, [value for _, value in (*trained, *held_out)], curves.last_step)
        parts += [*_frame(panel, name), *_epochs(panel, curves.epoch_ends, named=name == "loss")]
        if name == "learning rate":
            parts.append(panel.line(rate, "rate"))
        else:
            parts += [panel.line(trained, "faint"), panel.line(smoothed(trained), "train")]
            parts += [panel.line(held_out, "eval"), panel.dots(held_out, "eval", 3)]
        if name == "loss":
            parts.append(panel.dots(best, "best", 6))
        top += panel.height + GAP
    steps = f'<text x="{WIDTH - RIGHT}" y="{top - GAP + 30:.0f}" text-anchor="end">step {curves.last_step:,}</text>'
    return _page([*_legend(title), *parts, steps], height=round(top - GAP + 42), title=title)


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


def _panel(top: float, name: str, values: Sequence[float], steps: int) -> Panel:
    """Return a panel with a margin around its values; learning rates begin at 0."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = (0.0 if name == "learning rate" else min(finite)), max(finite)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return Panel(top, HEIGHTS[name], steps, low if low == 0 else low - margin, high + margin)


def _frame(panel: Panel, name: str) -> list[str]:
    """Return a panel's name and its grid lines with their values."""
    label: Callable[[float], str] = (lambda v: f"{v:.0%}") if name == "token accuracy" else (lambda v: f"{v:.3g}")
    parts = [f'<text class="name" x="{LEFT}" y="{panel.top - 10:.0f}">{name}</text>']
    for value in ticks(panel.low, panel.high):
        y = panel.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label(value)}</text>')
    return parts


def _epochs(panel: Panel, ends: Sequence[int], *, named: bool) -> list[str]:
    """Return a dashed line where each epoch after the first begins."""
    parts = []
    for number, step in enumerate(ends, start=2):
        x = panel.x(step)
        parts.append(
            f'<line class="epoch" x1="{x:.1f}" x2="{x:.1f}" y1="{panel.top:.0f}" y2="{panel.top + panel.height:.0f}"/>'
        )
        if named:
            parts.append(f'<text x="{x + 4:.1f}" y="{panel.top + 10:.0f}">epoch {number}</text>')
    return parts


def _legend(title: str) -> list[str]:
    parts = [f'<text class="name" x="{LEFT}" y="20">{escape(title)}</text>']
    for x, kind, name in ((470, "train", "train"), (545, "eval", "held out (eval)")):
        parts.append(f'<polyline class="{kind}" points="{x},16 {x + 20},16"/><text x="{x + 26}" y="20">{name}</text>')
    return [*parts, '<circle class="best" cx="678" cy="16" r="6"/><text x="690" y="20">kept</text>']


def _page(parts: Sequence[str], *, height: int, title: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    page = f'<rect class="page" width="{WIDTH}" height="{height}"/>'
    shape = f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style>"
    return "\n".join([f'{head} role="img">', shape, page, *parts, "</svg>", ""])
