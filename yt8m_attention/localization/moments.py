"""Finds the best moments of a video: (class, start, end) from the probabilities of overlapping windows. Numpy only.

Letters: W windows, V classes, S frames of a segment.

A window is a segment of S frames. Windows start at every frame, so a video of T frames has T - S + 1 windows, or one
shorter window if T < S. Neighbouring windows share all frames but one and usually show the same event, so they are
merged. The algorithm is greedy:

1. It takes the best remaining (window, class), which determines the class and the probability of the moment. Best means
   the highest product of the window's probability and the square root of the mean of the class's ten best windows in
   the video: a class that several windows show is more credible than a class that a single window shows.
2. It extends the moment on both sides as long as the windows have at least half that value. Each added window stands
   for its middle frame, since its probability depends mostly on the frames around it. The best window is in the moment
   with all its frames. If the first or last window of the video is added, the moment extends to the video's start or
   end.
3. It removes all windows of that class that overlap the moment. So moments of one class never overlap. Moments of
   different classes may overlap, since several events can happen at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# A moment ends where the value falls below this fraction of its best window's value.
_FRACTION = 0.5
# Number of windows in the mean that measures how much a video shows a class.
_BEST = 10


class Moment(NamedTuple):
    """A moment of a video, in frames."""

    class_id: int
    start: int  # the first frame
    end: int  # the frame after the last one
    probability: float  # of its best window, as `inference` ranks this segment


def find(
    probabilities: np.ndarray,
    num_frames: int,
    segment_size: int,
    top: int,
    classes: Sequence[int] | np.ndarray | None = None,
) -> list[Moment]:
    """Finds the best moments of a video.

    Args:
      probabilities: float [W, V]; window w starts at frame w.
      num_frames: number of frames of the video.
      segment_size: S.
      top: maximum number of moments.
      classes: int, ids of the classes to find; None: all.

    Returns:
      The moments, best first; for equal values the earlier window comes first, then the smaller class.
    """
    classes = np.arange(probabilities.shape[1]) if classes is None else np.asarray(classes)
    values = probabilities[:, classes].astype(np.float64)
    values *= np.sqrt(np.sort(values, axis=0)[-_BEST:].mean(axis=0))
    found: list[Moment] = []
    while len(found) < top:
        window, column = np.unravel_index(np.argmax(values), values.shape)
        if values[window, column] <= 0:
            break
        start, end = _extent(values[:, column], window, num_frames, segment_size)
        class_id = int(classes[column])
        found.append(Moment(class_id, start, end, float(probabilities[window, class_id])))
        values[max(0, start - segment_size + 1) : end, column] = 0
    return found


def _extent(column, window, num_frames, segment_size):
    """Returns (first frame, frame after the last) of the moment around a class's best window."""
    below = column < _FRACTION * column[window]
    before, after = np.flatnonzero(below[:window]), np.flatnonzero(below[window:])
    first = int(before[-1]) + 1 if len(before) else 0
    last = window + int(after[0]) - 1 if len(after) else len(column) - 1
    middle = segment_size // 2
    start = 0 if first == 0 else min(first + middle, window)
    end = num_frames if last == len(column) - 1 else max(last + middle + 1, window + segment_size)
    return int(start), int(min(end, num_frames))
