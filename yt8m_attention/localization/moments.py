"""The best moments of a video: from the probabilities of overlapping segments to (class, start, end). Numpy alone.

Letters: W windows, V classes, S frames of a segment.

A window is a segment of S frames; windows begin one frame apart, so a video of T frames has T - S + 1 of them (one,
shorter, where T < S). Neighbouring windows of a class overlap in all but one frame and tell of the same thing, so they
are merged. A moment is made greedily:

1. the best (window, class) that is left gives a moment its class and its probability. Best is the highest product of
   the window's probability and the square root of the mean of the class's ten best windows in the video: a class that
   several segments show is more to be believed than one that a single segment does;
2. it takes in the windows on either side as long as they have at least half that probability, and each stands for its
   middle frame, as most of what decides about it lies around there. The best window itself is in the moment whole;
   where the first or the last window of a video is taken in, the moment reaches to the video's end on that side;
3. all windows of that class which overlap with the moment are struck out, so moments of one class never do. Moments of
   different classes may: several things happen at once.
"""

from typing import NamedTuple

import numpy as np

# A moment ends where the probability falls below this share of its best window's.
_SHARE = 0.5
# Windows that tell how much of a class a video has.
_BEST = 10


class Moment(NamedTuple):
    class_id: int
    start: int  # first frame
    end: int  # frame after the last
    probability: float  # of its best window: the very number that `inference` ranks such a segment by


def find(probabilities, num_frames, segment_size, top, classes=None):
    """The best moments, best first; ties by the earlier window, then the smaller class.

    Args:
      probabilities: float [W, V], window w is the segment_size frames from w on.
      num_frames: of the video.
      segment_size: S.
      top: moments wanted; fewer where there are not so many.
      classes: int, the classes that may be found; None: all.

    Returns:
      A list of Moment.
    """
    classes = np.arange(probabilities.shape[1]) if classes is None else np.asarray(classes)
    left = probabilities[:, classes].astype(np.float64)
    left *= np.sqrt(np.sort(left, axis=0)[-_BEST:].mean(axis=0))
    found = []
    while len(found) < top:
        window, column = np.unravel_index(np.argmax(left), left.shape)
        if left[window, column] <= 0:
            break
        start, end = _extent(left[:, column], window, num_frames, segment_size)
        class_id = int(classes[column])
        found.append(Moment(class_id, start, end, float(probabilities[window, class_id])))
        left[max(0, start - segment_size + 1) : end, column] = 0
    return found


def _extent(column, window, num_frames, segment_size):
    """First frame and end of the moment around a class's best window."""
    below = column < _SHARE * column[window]
    before, after = np.flatnonzero(below[:window]), np.flatnonzero(below[window:])
    first = int(before[-1]) + 1 if len(before) else 0
    last = window + int(after[0]) - 1 if len(after) else len(column) - 1
    middle = segment_size // 2
    start = 0 if first == 0 else min(first + middle, window)
    end = num_frames if last == len(column) - 1 else max(last + middle + 1, window + segment_size)
    return int(start), int(min(end, num_frames))
