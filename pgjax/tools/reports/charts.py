"""Charts as inline SVG, by leather; they have classes in the place of its colours and fonts (page.css)."""

import math
import re
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

import leather
from leather import theme
from markupsafe import Markup

COLORS = 10  # of lines, in page.css; more lines have them again
SIZE = (460, 230)  # (width, height), units of the view box
# leather's search for ticks rounds at a billionth and at 28 digits: beyond these it takes for ever, or fails.
NARROWEST = 1e-6  # length of an axis, of its largest value
LARGEST = 1e24

# What leather leaves for texts, in the fonts of page.css. Lines have their names elsewhere.
for _name, _value in {
    "margin": 0.03,
    "tick_font_char_height": 12,
    "axis_title_font_char_height": 12,
    "tick_font_char_width": 7,
    "axis_title_gap": 14,
    "legend_font_char_height": 0,
    "legend_gap": 0,
}.items():
    setattr(theme, _name, _value)

NOTHING = Markup('<p class="note">No finite value.</p>')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:E[+-]?\d+)?")
_STYLE = ("fill", "stroke", "stroke-width", "font-family", "font-size")


class Line(NamedTuple):
    """Points (x, y) that belong together, y None where the line has a gap; `color` is one of COLORS."""

    color: int
    points: Sequence[tuple[float, float | None]]


class Point(NamedTuple):
    """A point (x, y), what it is called, and the place in the page that it links to, "#...", or None."""

    x: float
    y: float
    name: str
    link: str | None


def lines(drawn: Sequence[Line], x_title: str, name: str) -> Markup:
    """Lines in one chart of that name; a line of one point is a dot, one without any is left out."""
    drawn = [line for line in drawn if any(y is not None for _, y in line.points)]
    if not drawn:
        return NOTHING
    points = [point for line in drawn for point in line.points]
    chart = _chart([x for x, _ in points], [y for _, y in points if y is not None], x_title)
    for line in drawn:
        add = chart.add_dots if len(line.points) == 1 else chart.add_line
        add(list(line.points), name="")
    svg = _tree(chart)
    for group, line in zip(_series(svg), drawn, strict=True):
        group.set("class", f"{group.get('class')} color-{line.color}")
    svg.set("aria-label", f"{name} by {x_title}")
    return _text(svg, "img")


def scatter(points: Sequence[Point], x_title: str, y_title: str) -> Markup:
    """Points from left to right, those with a link as links that are named."""
    if not points:
        return NOTHING
    ordered = sorted(points, key=lambda point: (point.x, point.y, point.name))
    places = [(point.x, point.y) for point in ordered]
    chart = _chart([x for x, _ in places], [y for _, y in places], x_title, y_title)
    chart.add_dots(places, name="")
    svg = _tree(chart)
    (group,) = _series(svg)
    for place, (circle, point) in enumerate(zip(list(group), ordered, strict=True)):
        if point.link is not None:
            link = ElementTree.Element("a", {"href": point.link, "aria-label": point.name})
            link.append(circle)
            group[place] = link
    return _text(svg, "group")


def _chart(
    xs: Sequence[float], ys: Sequence[float], x_title: str, y_title: str | None = None
) -> leather.Chart:
    chart = leather.Chart()
    chart.add_x_scale(*_ends(xs))
    chart.add_y_scale(*_ends(ys))
    chart.add_x_axis(name=x_title, tick_formatter=_short)
    chart.add_y_axis(name=y_title, tick_formatter=_short)
    return chart


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Of an axis, which needs some length."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    largest = max(abs(low), abs(high))
    if high - low > max(NARROWEST * largest, sys.float_info.min):
        return low, high
    around = largest / 10 if largest > sys.float_info.min else 1.0
    return low - around, high + around


def _short(value: Any, place: int, count: int) -> str:
    del place, count
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{float(value):.4g}"


def _series(svg: ElementTree.Element) -> list[ElementTree.Element]:
    return [group for group in svg.iter("g") if "series" in group.get("class", "").split()]


def _tree(chart: leather.Chart) -> ElementTree.Element:
    width, height = SIZE
    svg = ElementTree.Element("svg", viewBox=f"0 0 {width} {height}")
    svg.append(chart.to_svg_group(width, height))
    for element in svg.iter():
        for name in _STYLE:
            element.attrib.pop(name, None)
        for name, value in element.attrib.items():
            if name != "class":
                element.set(name, _NUMBER.sub(_rounded, value))
    return svg


def _rounded(number: re.Match[str]) -> str:
    return f"{round(float(number[0]), 1) + 0.0:g}"  # never -0


def _text(svg: ElementTree.Element, role: str) -> Markup:
    svg.set("role", role)
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


def finite(value: float) -> float | None:
    """The value where a chart has a place for it, else None: not a number, or beyond LARGEST."""
    return value if math.isfinite(value) and abs(value) <= LARGEST else None
