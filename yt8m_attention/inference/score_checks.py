"""Early checks for duplicate video ids and NaN scores, which would make a ranking invalid."""

from collections.abc import Iterable, Sequence

import numpy as np

from yt8m_attention.errors import UserError
from yt8m_attention.inference import submission


class VideoIds:
    """Checks the ids of videos: unique, and valid in a submission.

    Args:
      origin: where the videos come from, for messages.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._seen: set[bytes | str] = set()
        self._last: tuple[bytes | str | None, int] = (None, 0)

    def add(self, ids: Iterable[bytes | str], starts: Iterable[int]) -> None:
        """Checks the next segments, in file order.

        Args:
          ids: the video id of each segment.
          starts: the start of each segment; it increases within a video.

        Raises:
          UserError: for an id that a CSV cannot hold, or that two videos share.
        """
        for video_id, start in zip(ids, starts, strict=True):
            if video_id != self._last[0] or start <= self._last[1]:
                if video_id in self._seen:
                    raise UserError(f"{self._origin}: two videos have the id {video_id!r}, so a "
                                    "ranking cannot distinguish them; leave one out")  # fmt: skip
                self._seen.add(video_id)
                try:
                    submission.check_video_id(video_id.decode() if isinstance(video_id, bytes) else video_id)
                except UserError as error:
                    raise UserError(f"{self._origin}: {error}") from error
            self._last = video_id, start


def refuse_nan(
    scores: np.ndarray,
    ids: np.ndarray,
    classes: np.ndarray | Sequence[int],
    scorer: str,
    advice: str = "take another checkpoint",
) -> None:
    """Checks that no score is NaN.

    Args:
      scores: float [N, C].
      ids: bytes or str [N], the video ids.
      classes: int [C], the class ids.
      scorer: name of the model that gave the scores, for the message.
      advice: what the user can do.

    Raises:
      UserError: for the first NaN.
    """
    if scores.size and np.isnan(scores.min()):
        row, column = np.argwhere(np.isnan(scores))[0]
        video_id = ids.tolist()[row]
        raise UserError(f"{scorer}: gives NaN for class {classes[column]} of video {video_id!r}, which has no rank; "
                        f"{advice}")  # fmt: skip
