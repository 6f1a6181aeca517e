"""Ranking of scored segments, class by class."""

import numpy as np

from yt8m_attention.inference import score_checks, submission
from yt8m_attention.inference.ranking import TopSegments


class RankedSegments:
    """Checks scored segments, numbers them in file order, and ranks them for each class.

    The content of a submission, or of a worker's part of one. For equal scores the earlier segment ranks higher.

    Args:
      classes: int64 [C], the class ids.
      max_per_class: maximum number of segments per class.
      origin: where the segments come from, for messages.
      scorer: name of the model, for messages.

    Attributes:
      classes: int64 [C], the class ids.
      top: the best segments of each class, as their numbers.
      count: number of segments so far.
    """

    def __init__(self, classes: np.ndarray, max_per_class: int, origin: str, scorer: str = "the model") -> None:
        self.classes, self.top, self.count = classes, TopSegments(len(classes), max_per_class), 0
        self._ids, self._starts = [np.empty(0, "S1")], [np.empty(0, np.int64)]
        self._video_ids, self._scorer = score_checks.VideoIds(origin), scorer

    def add(self, ids: np.ndarray, starts: np.ndarray, scores: np.ndarray) -> None:
        """Adds the next segments.

        Args:
          ids: bytes or str [N], the video ids.
          starts: int64 [N], seconds (frames).
          scores: float32 [N, C].

        Raises:
          UserError: for an id that a CSV cannot hold or that another video has, and for a NaN score.
        """
        score_checks.refuse_nan(scores, ids, self.classes, self._scorer)
        first = self.count
        self._name(ids, starts)
        self.top.add(scores, np.arange(first, self.count))

    def merge(self, ids: np.ndarray, starts: np.ndarray, top: TopSegments) -> None:
        """Adds the next segments with their ranking.

        Args:
          ids: bytes or str [N], the video ids.
          starts: int64 [N], seconds (frames).
          top: ranking of these segments, which are numbered 0 to N - 1 in it.

        Raises:
          UserError: as add, except for scores.
        """
        first = self.count
        self._name(ids, starts)
        self.top.merge(top, first)

    def _name(self, ids, starts):
        self._video_ids.add(ids.tolist(), starts.tolist())
        self._ids.append(ids.astype(bytes))  # an array of objects could only be saved with pickling
        self._starts.append(starts)
        self.count += len(ids)

    @property
    def ids(self) -> np.ndarray:
        """Video ids of all segments: bytes [count]."""
        return np.concatenate(self._ids)

    @property
    def starts(self) -> np.ndarray:
        """Starts of all segments: int64 [count]."""
        return np.concatenate(self._starts)

    @property
    def rows(self) -> int:
        """Number of ranked segments, summed over the classes."""
        return len(self.classes) * min(self.count, self.top.k)

    def write(self, path: str) -> None:
        """Writes the challenge's CSV, complete or absent; raises UserError if the file cannot be written."""
        names = submission.segment_names(self.ids, self.starts)
        submission.write(path, self.classes, names, (places for _, places in self.top.ranked()))
