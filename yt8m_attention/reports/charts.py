"""Curves as SVG, in the colours of the page that they stand in."""

import html
import itertools
import math

_WIDTH, _HEIGHT = 320, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 20
_POINTS = 400  # of one curve; more cannot be told apart
# Positive values whose largest is so many times the smallest are drawn on a logarithmic axis.
_WIDE = 50
_FEWEST, _MOST = 3, 6  # ticks
# How long a curve is drawn at least where curves follow one another, as phases do: a share of all steps.
_NARROWEST = 0.5


def chart(title, series):
    """A figure of curves over steps, or "" where there is no point.

    Args:
      title: what stands above.
      series: {name: [(step, value), ...]}, of one colour in all charts that have the same names; values that are not
        finite are left out. Where each begins after the one before has ended, a short one is drawn wider than it is.
    """
    series = {name: [(s, v) for s, v in points if math.isfinite(v)] for name, points in series.items()}
    shown = [(number, name, points) for number, (name, points) in enumerate(series.items()) if points]
    if not shown:
        return ""
    values = [v for _, _, points in shown for _, v in points]
    low, high = min(values), max(values)
    logarithmic = low > 0 and high / low >= _WIDE
    down = _scale(low, high, _HEIGHT - _BOTTOM, _TOP, math.log10 if logarithmic else float)
    spans = _spans([[s for s, _ in points] for _, _, points in shown])
    lines = "".join(
        _line(points, number, _scale(*span, float), down)
        for (number, _, points), span in zip(shown, spans, strict=True)
    )
    ticks = "".join(_tick(value, down(value)) for value in (_decades if logarithmic else _round)(low, high))
    said = "; ".join(f"{name}: {_short(points[-1][1])} at step {points[-1][0]:,}" for _, name, points in shown)
    key = " ".join(
        f'<span class="key{number}">{html.escape(name)} {_short(points[-1][1])}</span>'
        for number, name, points in shown
    )
    title += ", logarithmic axis" if logarithmic else ""
    return f"""<figure><figcaption>{html.escape(title)}</figcaption>
<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(f"{title}. Last values: {said}")}">
{ticks}{_steps(spans)}{lines}</svg>
<p class="key">{key}</p></figure>
"""


def _scale(low, high, start, end, of):
    width = (of(high) - of(low)) or 1
    return lambda value: round(start + (of(value) - of(low)) / width * (end - start), 1)


def _spans(steps):
    """(first step, last step, left, right) that each curve is drawn between."""
    left, right = _LEFT, _WIDTH - _RIGHT
    ends = [(min(part), max(part)) for part in steps]
    if any(before[1] >= after[0] for before, after in itertools.pairwise(ends)):
        return [(min(map(min, steps)), max(map(max, steps)), left, right)] * len(steps)
    least = _NARROWEST * sum(last - first for first, last in ends) or 1
    lengths = [max(last - first, least) for first, last in ends]
    edges = [left + sum(lengths[:n]) / sum(lengths) * (right - left) for n in range(len(ends) + 1)]
    return [(*end, *map(round, edge)) for end, edge in zip(ends, itertools.pairwise(edges), strict=True)]


def _steps(spans):
    """The axis of steps: where each curve begins, and where the last ends."""
    y = _HEIGHT - 4
    starts = "".join(
        f'<line x1="{left}" x2="{left}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text x="{left}" y="{y}">{"" if number else "step "}{first:,}</text>'
        for number, (first, _, left, _) in enumerate(dict.fromkeys(spans))
    )
    return f'{starts}<text x="{_WIDTH - _RIGHT}" y="{y}" text-anchor="end">{spans[-1][1]:,}</text>'


def _line(points, number, across, down):
    every = -(-len(points) // _POINTS)
    kept = points[::every] + ([points[-1]] if (len(points) - 1) % every else [])
    if len(kept) == 1:
        return f'<circle class="curve{number}" cx="{across(kept[0][0])}" cy="{down(kept[0][1])}" r="3"/>'
    return f'<polyline class="curve{number}" points="{" ".join(f"{across(s)},{down(v)}" for s, v in kept)}"/>'


def _round(low, high):
    """Round values between two: multiples of the largest 1, 2 or 5 times a power of ten that has enough of them."""
    if low == high:
        return [low]
    exponent = math.floor(math.log10(high - low))
    for step in (factor * 10.0**power for power in (exponent, exponent - 1) for factor in (5, 2, 1)):
        found = [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(found) >= _FEWEST:
            return found
    return [low, high]


def _decades(low, high):
    """Powers of ten between two values, and where they are few, 3 or 2 and 5 times them too."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = range(first, last + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        found = [factor * 10.0**power for power in powers for factor in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) >= _FEWEST:
            break
    return found[:: -(-len(found) // _MOST)]


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
