"""Rescores segments with the scores of their whole videos. Letters: N segments, C classes."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from yt8m_attention.aliases import Batch
from yt8m_attention.errors import UserError
from yt8m_attention.inference import scoring

# Whole videos per batch; it bounds memory and does not change results.
SIZE = 32


def rescore(segments: np.ndarray, videos: np.ndarray, weight: float) -> np.ndarray:
    """Returns p_segment^(1 - w) * p_video^w.

    A segment's score depends on its five frames only; the video's score adds the context. Of two segments with equal
    scores, the one from the video with the higher score ranks higher. Source: the third place of the 3rd YouTube-8M
    challenge, with w = 0.05 (and only for the 20 best classes of a video).

    Args:
      segments: float [..., C], probabilities of segments.
      videos: float [..., C], probabilities of their videos.
      weight: w from 0 (segments unchanged) to 1.

    Returns:
      float32 [..., C].
    """
    factors = np.power(np.float32(segments), np.float32(1 - weight)), np.power(np.float32(videos), np.float32(weight))
    return factors[0] * factors[1]


class Rescorer:
    """Rescores segments in file order. It scores videos when they are needed and keeps few scores in memory.

    Args:
      scorers: from scoring.make_scorer.
      read_videos: function of no arguments -> BatchStream of SIZE whole videos per batch, in file order, which
        include the videos of all segments.
      weight: w of `rescore`; 0: return the scores unchanged and read nothing.
    """

    def __init__(
        self, scorers: Sequence[scoring.Scorer], read_videos: Callable[[], Iterable[Batch]], weight: float
    ) -> None:
        self._scorers, self._weight = scorers, weight
        self._videos: Any = iter(read_videos()) if weight else None  # a generator
        self._scores: dict[bytes, tuple[np.ndarray, ...]] = {}  # by video id, only of videos that are still needed

    def close(self) -> None:
        """Ends the reading of videos."""
        if self._videos is not None:
            self._videos.close()

    def __call__(self, ids: np.ndarray, scores: list[np.ndarray]) -> list[np.ndarray]:
        """Rescores some segments.

        Args:
          ids: bytes [N], the video ids, in file order.
          scores: float32 [N, C] of each scorer.

        Returns:
          float32 [N, C] of each scorer.

        Raises:
          UserError: if the video of a segment cannot be read.
        """
        if not self._weight or not len(ids):
            return scores
        rows = self._rows(ids)
        return [
            rescore(segments, np.stack([row[number] for row in rows]), self._weight)
            for number, segments in enumerate(scores)
        ]

    def _rows(self, ids):
        """Returns for each id the scores of its video: float32 [C] of each scorer."""
        ids = ids.tolist()
        while ids[-1] not in self._scores:
            self._read(ids[-1])
        absent = next((video_id for video_id in ids if video_id not in self._scores), None)
        if absent is not None:
            raise _absent(absent)
        rows = [self._scores[video_id] for video_id in ids]
        finished = itertools.takewhile(lambda video_id: video_id != ids[-1], list(self._scores))
        for video_id in finished:
            del self._scores[video_id]
        return rows

    def _read(self, wanted):
        assert self._videos is not None  # read only if the weight is not 0
        batch = next(self._videos, None)
        if batch is None:
            raise _absent(wanted)
        # Padded to a constant number of rows, so that a video's score is bit-equal in every batch.
        bags = {name: scoring.pad_rows(batch[name], SIZE) for name in ("frames", "mask")}
        names = batch["id"].numpy().tolist()
        by_scorer = [scorer(bags)["probabilities"][: len(names)] for scorer in self._scorers]
        self._scores.update(zip(names, zip(*by_scorer, strict=True), strict=True))


def _absent(video_id):
    return UserError(f"--video_score_weight: video {video_id!r} has segments but cannot be scored as a whole; leave "
                     "the flag out")  # fmt: skip
