"""Segments rescored by the videos that they come from. Letters: N segments, C classes."""

import itertools

import numpy as np

from yt8m_attention.errors import UserError
from yt8m_attention.inference import scoring

# Whole videos a batch; it bounds memory and never changes a result.
SIZE = 32


def rescore(segments, videos, weight):
    """p_segment^(1 - w) · p_video^w: of two like segments, that of the video which shows the class ranks higher.

    A segment's own score sees five frames, the video's what stands around them. Source: the third place of the 3rd
    YouTube-8M challenge, with w = 0.05 (and for the 20 best classes of a video alone).

    Args:
      segments, videos: float [..., C], probabilities of segments and of the videos that they are of.
      weight: w, from 0, where nothing changes, to 1.

    Returns:
      float32 [..., C].
    """
    factors = np.power(np.float32(segments), np.float32(1 - weight)), np.power(np.float32(videos), np.float32(weight))
    return factors[0] * factors[1]


class Rescorer:
    """Rescores segments that come in file order; their videos' scores are made as they are needed, and few are held.

    Args:
      scorers: scoring.make_scorer's.
      read_videos: function of no arguments -> batches of whole videos, SIZE each, in file order, as something whose
        iterator is a generator; those of the segments are among them.
      weight: w of `rescore`; 0: nothing is read and nothing changes.
    """

    def __init__(self, scorers, read_videos, weight):
        self._scorers, self._weight = scorers, weight
        self._videos = iter(read_videos()) if weight else None
        self._scores = {}  # by video, of the few in question

    def close(self):
        """Ends the reading of videos."""
        if self._videos is not None:
            self._videos.close()

    def __call__(self, ids, scores):
        """The scores of some segments, rescored.

        Args:
          ids: bytes [N], their videos', in file order.
          scores: a list of float32 [N, C], one a scorer.

        Returns:
          a list of float32 [N, C].

        Raises:
          UserError: where a segment's video is not among the videos.
        """
        if not self._weight or not len(ids):
            return scores
        rows = self._rows(ids)
        return [
            rescore(segments, np.stack([row[number] for row in rows]), self._weight)
            for number, segments in enumerate(scores)
        ]

    def _rows(self, ids):
        """The scores of each id's video, [scorers] of float32 [C]."""
        ids = ids.tolist()
        while ids[-1] not in self._scores:
            self._read(ids[-1])
        absent = next((video_id for video_id in ids if video_id not in self._scores), None)
        if absent is not None:
            raise _absent(absent)
        rows = [self._scores[video_id] for video_id in ids]
        over = itertools.takewhile(lambda video_id: video_id != ids[-1], list(self._scores))
        for video_id in over:
            del self._scores[video_id]
        return rows

    def _read(self, wanted):
        batch = next(self._videos, None)
        if batch is None:
            raise _absent(wanted)
        # Always as many rows: what came before decides nothing, so the same video has the same score to the last bit.
        bags = {name: scoring.fill_up(batch[name], SIZE) for name in ("frames", "mask")}
        names = batch["id"].numpy().tolist()
        by_scorer = [scorer(bags)["probabilities"][: len(names)] for scorer in self._scorers]
        self._scores.update(zip(names, zip(*by_scorer, strict=True), strict=True))


def _absent(video_id):
    return UserError(f"--video_score_weight: video {video_id!r} has segments but cannot be scored as a whole; leave "
                     "the flag out")  # fmt: skip
