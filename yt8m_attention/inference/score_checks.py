"""What would spoil a ranking's file in the end, found while it can be had cheaply."""

import numpy as np

from yt8m_attention.errors import UserError
from yt8m_attention.inference import submission


class VideoIds:
    """Makes sure that the file can be written in the end and read by its scorers.

    Args:
      origin: where the videos come from, for messages.
    """

    def __init__(self, origin):
        self._origin, self._seen, self._last = origin, set(), (None, 0)

    def add(self, ids, starts):
        """Looks at the next items' videos, bytes or str, and starts, in file order.

        Raises:
          UserError: for an id that a CSV cannot hold, or that two videos have.
        """
        for video_id, start in zip(ids, starts, strict=True):
            if video_id != self._last[0] or start <= self._last[1]:
                if video_id in self._seen:
                    raise UserError(f"{self._origin}: two videos have the id {video_id!r}, so "
                                    "that a ranking cannot tell them apart; leave one out")  # fmt: skip
                self._seen.add(video_id)
                try:
                    submission.check_video_id(video_id.decode() if isinstance(video_id, bytes) else video_id)
                except UserError as error:
                    raise UserError(f"{self._origin}: {error}") from error
            self._last = video_id, start


def refuse_nan(scores, ids, classes, scorer, advice="take another checkpoint"):
    """Makes sure that every score has a rank.

    Args:
      scores: float [N, C].
      ids: bytes or str [N], the videos'.
      classes: int [C].
      scorer: what gave the scores, for the message.
      advice: what to do about it.

    Raises:
      UserError: for a NaN.
    """
    if scores.size and np.isnan(scores.min()):
        row, column = np.argwhere(np.isnan(scores))[0]
        video_id = ids.tolist()[row]
        raise UserError(f"{scorer}: gives NaN for class {classes[column]} of video {video_id!r}, which has no rank; "
                        f"{advice}")  # fmt: skip
