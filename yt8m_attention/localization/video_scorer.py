"""A video, second by second: every segment of it scored, and what each head looks at.

Letters: T frames, F features, S frames of a segment, W windows, V classes, M heads.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.inference import scoring
from yt8m_attention.localization import moments

_BATCH = 128
# Videos are filled up to a multiple of so many frames, so that few lengths have to be compiled.
_FRAMES = 64


@dataclass(frozen=True, eq=False)
class Scored:
    """One video's scores."""

    windows: np.ndarray  # float32 [W, V], probabilities of the segments that begin one frame apart
    attention: np.ndarray | None  # float32 [T, M], of the whole video as one bag; None where the network has none


class VideoScorer:
    """Scores videos one at a time.

    Args:
      model: follows the model contract.
      segment_size: S; a video shorter than that is one window.

    Call: frames uint8 [T, F], T at least 1 -> Scored.
    """

    def __init__(self, model, segment_size):
        self._segment_size = segment_size
        self._score = scoring.make_scorer(model)

    def __call__(self, frames):
        return Scored(self.windows(frames), self.attention(frames))

    def windows(self, frames):
        """Probabilities float32 [W, V] of the segments that begin one frame apart."""
        count, size = max(1, len(frames) - self._segment_size + 1), min(self._segment_size, len(frames))
        places = np.arange(count)[:, None] + np.arange(size)
        filled = _filled(frames)
        return np.concatenate(
            [self._score.windows(filled, places[first : first + _BATCH]) for first in range(0, count, _BATCH)]
        )

    def attention(self, frames):
        """Weights float32 [T, M] over the frames of the video as one bag, or None where the network has none."""
        filled = _filled(frames)
        outputs = self._score({"frames": filled[None], "mask": np.arange(len(filled))[None] < len(frames)})
        return outputs["attention"][0, : len(frames)] if "attention" in outputs else None


def _filled(frames):
    return np.pad(frames, ((0, -len(frames) % _FRAMES), (0, 0)))


def best_moments(windows, num_frames, data, top):
    """The best moments of a video (see moments.find) among the classes that segments are rated for, if known.

    Args:
      windows: float32 [W, V], as VideoScorer.windows gives them.
      num_frames: of the video.
      data: the config.Data of the network.
      top: moments wanted.
    """
    return moments.find(windows, num_frames, data.segment_size, top, data.segment_classes)
