"""The SVG of a run's curves."""

import xml.etree.ElementTree as ET

import pytest

from chatclone.training.curves_svg import svg, ticks
from tests.chatclone.training.test_loss_history import curves

NAMESPACE = {"s": "http://www.w3.org/2000/svg"}


@pytest.fixture
def picture() -> ET.Element:
    """Two epochs of ten steps, evaluated at their ends."""
    drawn = curves(*[4 - n / 10 for n in range(20)], per_epoch=10, evals={0: 4.0, 10: 3.0, 20: 3.2})
    return ET.fromstring(svg(drawn, "Mira <3 on starter"))


def texts(picture: ET.Element) -> list[str]:
    return [element.text or "" for element in picture.iterfind("s:text", NAMESPACE)]


def test_panels_and_epochs(picture: ET.Element) -> None:
    """Losses, token accuracy and learning rate, each with the end of the epoch marked, and an escaped title."""
    told = texts(picture)
    assert {"Mira <3 on starter", "loss", "token accuracy", "learning rate", "epoch 2", "step 20"} <= set(told)
    assert len(picture.findall("s:line[@class='epoch']", NAMESPACE)) == 3


def test_points_lie_where_they_belong(picture: ET.Element) -> None:
    """Steps go to the right, high losses are above low ones, and everything is inside the page."""
    (train, *_) = picture.findall("s:polyline[@class='faint']", NAMESPACE)
    points = [tuple(map(float, pair.split(","))) for pair in (train.get("points") or "").split()]
    assert len(points) == 20
    assert points == sorted(points)
    assert [y for _, y in points] == sorted(y for _, y in points)
    width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
    for element in picture.iter():
        assert 0 <= float(element.get("cx", 0)) <= width and 0 <= float(element.get("cy", 0)) <= height


def test_kept_evaluation_is_marked(picture: ET.Element) -> None:
    """The ring marks the evaluation with the lowest loss."""
    ring = picture.findall("s:circle[@class='best']", NAMESPACE)[-1]
    dots = picture.findall("s:circle[@class='eval']", NAMESPACE)[:3]
    assert (ring.get("cx"), ring.get("cy")) == (dots[1].get("cx"), dots[1].get("cy"))


def test_light_and_dark(picture: ET.Element) -> None:
    """Light and dark pages have their own colours, and nothing is loaded from elsewhere."""
    style = picture.find("s:style", NAMESPACE)
    assert style is not None and "prefers-color-scheme: dark" in (style.text or "")
    assert "http" not in (style.text or "")


def test_flat_curves() -> None:
    """A constant loss and accuracy are drawn too."""
    assert ET.fromstring(svg(curves(2.0, 2.0, per_epoch=2, evals={0: 2.0, 2: 2.0}), "flat")) is not None


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (2.31, 5.87), (0.0, 2e-4), (0.12, 0.13)])
def test_ticks(low: float, high: float) -> None:
    """A few round values, all within the range."""
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert all(low <= value <= high * (1 + 1e-9) for value in found)
