"""Curves as SVG, in the colours of the page that they stand in."""

import html
import math

_WIDTH, _HEIGHT = 320, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 20
_POINTS = 400  # of one curve; more cannot be told apart


def chart(title, series):
    """A figure of curves over steps, or "" where there is no point.

    Args:
      title: what stands above.
      series: {name: [(step, value), ...]}, of one colour in all charts that have the same names; values that are not
        finite are left out.
    """
    series = {name: [(s, v) for s, v in points if math.isfinite(v)] for name, points in series.items()}
    shown = [(number, name, points) for number, (name, points) in enumerate(series.items()) if points]
    if not shown:
        return ""
    steps = [s for points in series.values() for s, _ in points]
    values = [v for points in series.values() for _, v in points]
    across = _scale(min(steps), max(steps), _LEFT, _WIDTH - _RIGHT)
    down = _scale(min(values), max(values), _HEIGHT - _BOTTOM, _TOP)
    lines = "".join(_line(points, number, across, down) for number, _, points in shown)
    ticks = "".join(_tick(value, down(value)) for value in sorted({min(values), max(values)}))
    said = "; ".join(f"{name}: {_short(points[-1][1])} at step {points[-1][0]:,}" for _, name, points in shown)
    key = " ".join(
        f'<span class="key{number}">{html.escape(name)} {_short(points[-1][1])}</span>'
        for number, name, points in shown
    )
    return f"""<figure><figcaption>{html.escape(title)}</figcaption>
<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(f"{title}. Last values: {said}")}">
{ticks}<text x="{_LEFT}" y="{_HEIGHT - 4}">{min(steps):,}</text>
<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">step {max(steps):,}</text>{lines}</svg>
<p class="key">{key}</p></figure>
"""


def _scale(low, high, start, end):
    width = (high - low) or 1
    return lambda value: round(start + (value - low) / width * (end - start), 1)


def _line(points, number, across, down):
    every = -(-len(points) // _POINTS)
    kept = points[::every] + ([points[-1]] if (len(points) - 1) % every else [])
    if len(kept) == 1:
        return f'<circle class="curve{number}" cx="{across(kept[0][0])}" cy="{down(kept[0][1])}" r="3"/>'
    return f'<polyline class="curve{number}" points="{" ".join(f"{across(s)},{down(v)}" for s, v in kept)}"/>'


def _tick(value, y):
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        f'<text x="{_LEFT - 4}" y="{y + 4}" text-anchor="end">{_short(value)}</text>'
    )


def _short(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
