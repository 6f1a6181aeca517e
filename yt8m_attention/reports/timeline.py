"""Writes the timeline of a video as HTML: a row per class and attention head, time from left to right.

Letters: T frames, R rows.
"""

import html
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yt8m_attention.data.user_features import Video
from yt8m_attention.localization.moment_files import VideoMoments, clock
from yt8m_attention.localization.video_scorer import Scored

_CLASSES = 10
_LEVELS = 10  # number of shades
_TICKS = 4  # number of parts of the time axis
_NOT_ELIGIBLE = " †"  # marks a class without a search for moments


@dataclass(frozen=True, eq=False)
class Timeline:
    """A video with its probabilities, attention and moments.

    Attributes:
      video: frames, labels and ratings.
      scored: probabilities of all windows, and attention.
      described: its moments as shown.
      segment_size: frames of a segment.
      frame_seconds: seconds per frame.
    """

    video: Video
    scored: Scored
    described: VideoMoments
    segment_size: int
    frame_seconds: float

    @property
    def moments(self) -> Sequence[dict[str, Any]]:
        """The moments, best first."""
        return self.described.moments

    def classes(self) -> list[int]:
        """Returns the class ids of the rows: the moments' classes, best first, then the others with a positive rating.

        The number of rows is limited; classes with a positive rating are always shown.
        """
        predicted = dict.fromkeys(m["class"] for m in self.moments)
        positive = dict.fromkeys(c for _, c, score in self.video.ratings if score > 0)
        others = [c for c in predicted if c not in positive][: max(0, _CLASSES - len(positive))]
        return [c for c in {**predicted, **positive} if c in positive or c in others]

    def probabilities(self, classes: Sequence[int]) -> np.ndarray:
        """Returns float [R, T]: at each frame, the probability of the segment around it, or the nearest segment."""
        middle = np.clip(np.arange(len(self.video.frames)) - self.segment_size // 2, 0, len(self.scored.windows) - 1)
        return self.scored.windows[middle][:, classes].T

    def attention(self) -> np.ndarray:
        """Returns float [M, T]: the weights of each of the M heads, divided by the largest weight of the head."""
        if self.scored.attention is None:
            return np.zeros((0, len(self.video.frames)))
        weights = self.scored.attention.T
        return weights / np.maximum(weights.max(axis=1, keepdims=True), 1e-12)


def section(timeline: Timeline, number: int, eligible: Collection[int] | None, class_name: Callable[[int], str]) -> str:
    """Returns the HTML section of one video.

    Args:
      timeline: the video.
      number: number of the section, for element ids.
      eligible: ids of the classes that moments are searched for; None: all classes.
      class_name: function of a class id -> its name.
    """
    classes = timeline.classes()
    names = [class_name(c) + ("" if eligible is None or c in eligible else _NOT_ELIGIBLE) for c in classes]
    shades, heads = timeline.probabilities(classes), timeline.attention()
    rated = [(start, classes.index(c), score) for start, c, score in timeline.video.ratings if c in classes]
    length, seconds = len(timeline.video.frames), timeline.described.seconds
    data = {
        "frame": timeline.frame_seconds,
        "names": names,
        "values": np.rint(shades * 100).astype(int).tolist(),
        "heads": np.rint(heads * 100).astype(int).tolist(),
    }
    rows = "".join(f"<span>{html.escape(name)}</span>" for name in names)
    head_rows = "".join(f"<span>head {i + 1}</span>" for i in range(len(heads)))
    attention = f"""<div class="names" aria-hidden="true">{head_rows}</div>
<div class="plot heads" style="--rows:{len(heads)}">{_svg(heads)}\
<i class="range" hidden></i><i class="cursor"></i></div>
""" if len(heads) else ""  # fmt: skip
    return f"""<section class="video" id="video{number}" aria-labelledby="title{number}">
<h3 id="title{number}">{html.escape(timeline.video.id)} <small>{_length(timeline)}</small></h3>
<div class="timeline">
<div class="names" aria-hidden="true">{rows}</div>
<div class="plot classes" style="--rows:{len(classes)}">{_svg(shades, rated, timeline.segment_size)}\
<i class="range" hidden></i><i class="cursor"></i></div>
{attention}<span></span><div class="axis" aria-hidden="true">{_axis(seconds)}</div>
<label for="time{number}">second</label>
<input id="time{number}" type="range" min="0" max="{length - 1}" value="0" aria-describedby="status{number}">
</div>
<p class="status" id="status{number}" role="status"></p>
<h4>Best moments</h4>
{_moments(timeline)}
<script type="application/json">{script_json(data)}</script>
</section>
"""


def _length(timeline):
    begin = timeline.video.begin
    return f"{clock(timeline.described.seconds)} min" + (f", starting at {clock(begin)} of its video" if begin else "")


def _axis(seconds):
    return "".join(f"<span>{clock(seconds * part / _TICKS)}</span>" for part in range(_TICKS + 1))


def script_json(value: Any) -> str:
    """Returns JSON that cannot close its script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _moments(timeline):
    if not timeline.moments:
        return "<p>None: all probabilities are near 0.</p>"
    return f'<ol class="moments">{"".join(_moment(m) for m in timeline.moments)}</ol>'


def _moment(moment):
    span = f"{clock(moment['start'])}&ndash;{clock(moment['end'])}"
    link = ""
    if "link" in moment:
        link = f' <a href="{html.escape(moment["link"])}" rel="noreferrer" target="_blank">watch</a>'
    return (
        f'<li><button type="button" aria-pressed="false" data-start="{moment["start"]}" data-end="{moment["end"]}" '
        f'data-class="{moment["class"]}"><b>{html.escape(moment["name"])}</b> <span>{span}</span> '
        f"<span>{moment['probability']:.0%}</span></button>{link}</li>"
    )


def _svg(rows, rated=(), segment_size=0):
    """Draws shades and marks of rated segments. A frame is one unit wide, a row one unit high.

    Args:
      rows: float [R, T] in [0, 1].
      rated: (start, row, score) of the rated segments.
      segment_size: frames of a segment.
    """
    levels = np.rint(rows * _LEVELS).astype(int)
    paths = "".join(
        f'<path fill-opacity="{level / _LEVELS:g}" d="{_runs(levels == level)}"/>'
        for level in range(1, _LEVELS + 1)
        if (levels == level).any()
    )
    marks = "".join(
        f'<rect class="{"yes" if score > 0 else "no"}" x="{start}" y="{row + 0.8:g}" '
        f'width="{segment_size}" height=".2"/>'
        for start, row, score in rated
    )
    height, width = rows.shape
    return (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        f'<g class="shade">{paths}</g>{marks}</svg>'
    )


def _runs(cells):
    """Returns an SVG path over the true cells of bool [R, T]."""
    parts = []
    for row, line in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line, [0]])))
        parts += [f"M{start} {row}h{end - start}v1h{start - end}z" for start, end in edges.reshape(-1, 2)]
    return "".join(parts)
