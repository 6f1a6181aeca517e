"""Segments as they are scored: checked, numbered in their order, and ranked class by class."""

import numpy as np

from yt8m_attention.inference import score_checks, submission
from yt8m_attention.inference.ranking import TopSegments


class RankedSegments:
    """What a submission, or a worker's part of one, is written from; ties go to the segment that came first.

    Args:
      classes: int64 [C], their ids.
      max_per_class: segments of a class, at most.
      origin, scorer: where the segments and their scores come from, for messages.
    """

    def __init__(self, classes, max_per_class, origin, scorer="the model"):
        self.classes, self.top, self.count = classes, TopSegments(len(classes), max_per_class), 0
        self._ids, self._starts = [np.empty(0, "S1")], [np.empty(0, np.int64)]
        self._video_ids, self._scorer = score_checks.VideoIds(origin), scorer

    def add(self, ids, starts, scores):
        """Takes the next segments.

        Args:
          ids: bytes or str [N], the videos'.
          starts: int64 [N].
          scores: float32 [N, C].

        Raises:
          UserError: for an id that a CSV cannot hold or that another video has, and for a NaN score.
        """
        score_checks.refuse_nan(scores, ids, self.classes, self._scorer)
        first = self.count
        self._name(ids, starts)
        self.top.add(scores, np.arange(first, self.count))

    def merge(self, ids, starts, top):
        """Takes the next segments, which were ranked by another: a TopSegments of their places among them."""
        first = self.count
        self._name(ids, starts)
        self.top.merge(top, first)

    def _name(self, ids, starts):
        self._video_ids.add(ids.tolist(), starts.tolist())
        self._ids.append(ids.astype(bytes))  # an array of objects could not be read back without pickling
        self._starts.append(starts)
        self.count += len(ids)

    @property
    def ids(self):
        """bytes [segments]."""
        return np.concatenate(self._ids)

    @property
    def starts(self):
        """int64 [segments]."""
        return np.concatenate(self._starts)

    @property
    def rows(self):
        """Segments over all classes that are ranked."""
        return len(self.classes) * min(self.count, self.top.k)

    def write(self, path):
        """Writes the challenge's CSV, complete or absent; raises UserError where it cannot."""
        names = submission.segment_names(self.ids, self.starts)
        submission.write(path, self.classes, names, (places for _, places in self.top.ranked()))
