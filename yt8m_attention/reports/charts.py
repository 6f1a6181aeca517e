"""Draws curves as SVG, in the colours of the page."""

import html
import itertools
import math
from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT = 320, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 20
_POINTS = 400  # maximum number of points per curve; more are not visible
# Minimum ratio of the largest to the smallest value for a logarithmic axis; all values are positive then.
_LOG_RATIO = 50
_MIN_TICKS, _MAX_TICKS = 3, 6
# Minimum width of a curve as a share of all steps, if curves follow one another as phases do.
_MIN_WIDTH = 0.5


def chart(title: str, series: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Draws curves over steps.

    Args:
      title: heading of the figure.
      series: {name: [(step, value), ...]}. A name has the same colour in all charts. Values that are not finite are
        omitted. If each series starts after the end of the one before, a short series is drawn wider than to scale.

    Returns:
      HTML of a figure; "" without points.
    """
    series = {name: [(s, v) for s, v in points if math.isfinite(v)] for name, points in series.items()}
    shown = [(number, name, points) for number, (name, points) in enumerate(series.items()) if points]
    if not shown:
        return ""
    values = [v for _, _, points in shown for _, v in points]
    low, high = min(values), max(values)
    logarithmic = low > 0 and high / low >= _LOG_RATIO
    down = _scale(low, high, _HEIGHT - _BOTTOM, _TOP, math.log10 if logarithmic else float)
    spans = _spans([[s for s, _ in points] for _, _, points in shown])
    lines = "".join(
        _line(points, number, _scale(first, last, left, right, float), down)
        for (number, _, points), (first, last, left, right) in zip(shown, spans, strict=True)
    )
    ticks = "".join(_tick(value, down(value)) for value in (_decades if logarithmic else _round)(low, high))
    last_values = "; ".join(f"{name}: {_short(points[-1][1])} at step {points[-1][0]:,}" for _, name, points in shown)
    key = " ".join(
        f'<span class="key{number}">{html.escape(name)} {_short(points[-1][1])}</span>'
        for number, name, points in shown
    )
    title += ", logarithmic axis" if logarithmic else ""
    return f"""<figure><figcaption>{html.escape(title)}</figcaption>
<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(f"{title}. Last values: {last_values}")}">
{ticks}{_steps(spans)}{lines}</svg>
<p class="key">{key}</p></figure>
"""


def _scale(low, high, start, end, transform):
    """Returns a function that maps values from low..high to coordinates from start..end."""
    width = (transform(high) - transform(low)) or 1
    return lambda value: round(start + (transform(value) - transform(low)) / width * (end - start), 1)


def _spans(steps):
    """Returns (first step, last step, left, right) of each curve."""
    left, right = _LEFT, _WIDTH - _RIGHT
    ends = [(min(part), max(part)) for part in steps]
    if any(before[1] >= after[0] for before, after in itertools.pairwise(ends)):
        return [(min(map(min, steps)), max(map(max, steps)), left, right)] * len(steps)
    least = _MIN_WIDTH * sum(last - first for first, last in ends) or 1
    lengths = [max(last - first, least) for first, last in ends]
    edges = [left + sum(lengths[:n]) / sum(lengths) * (right - left) for n in range(len(ends) + 1)]
    return [(*end, *map(round, edge)) for end, edge in zip(ends, itertools.pairwise(edges), strict=True)]


def _steps(spans):
    """Draws the axis of steps: the start of each curve, and the end of the last."""
    y = _HEIGHT - 4
    starts = "".join(
        f'<line x1="{left}" x2="{left}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text x="{left}" y="{y}">{"" if number else "step "}{first:,}</text>'
        for number, (first, _, left, _) in enumerate(dict.fromkeys(spans))
    )
    return f'{starts}<text x="{_WIDTH - _RIGHT}" y="{y}" text-anchor="end">{spans[-1][1]:,}</text>'


def _line(points, number, across, down):
    every = -(-len(points) // _POINTS)
    drawn = points[::every] + ([points[-1]] if (len(points) - 1) % every else [])
    if len(drawn) == 1:
        return f'<circle class="curve{number}" cx="{across(drawn[0][0])}" cy="{down(drawn[0][1])}" r="3"/>'
    return f'<polyline class="curve{number}" points="{" ".join(f"{across(s)},{down(v)}" for s, v in drawn)}"/>'


def _round(low, high):
    """Returns round ticks: multiples of the largest 1, 2 or 5 times a power of ten that gives enough ticks."""
    if low == high:
        return [low]
    exponent = math.floor(math.log10(high - low))
    for step in (factor * 10.0**power for power in (exponent, exponent - 1) for factor in (5, 2, 1)):
        found = [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(found) >= _MIN_TICKS:
            return found
    return [low, high]


def _decades(low, high):
    """Returns logarithmic ticks: powers of ten; if these are too few, also 3 times, or 2 and 5 times, the powers."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = range(first, last + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        found = [factor * 10.0**power for power in powers for factor in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) >= _MIN_TICKS:
            break
    return found[:: -(-len(found) // _MAX_TICKS)]


def _tick(value, y):
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        f'<text x="{_LEFT - 4}" y="{y + 4}" text-anchor="end">{_short(value)}</text>'
    )


def _short(value):
    if 0 < abs(value) < 0.001:
        factor, exponent = f"{value:.2e}".split("e")
        return f"{float(factor):g}e{int(exponent)}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
