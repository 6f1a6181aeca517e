"""Scores of every window of a video, and the attention of each head.

Letters: T frames, F features, S frames of a segment, W windows, V classes, M heads.
"""

from dataclasses import dataclass

import keras
import numpy as np

from yt8m_attention.config import Data
from yt8m_attention.inference import scoring
from yt8m_attention.localization import moments

_BATCH = 128
# Videos are padded to a multiple of this number of frames, so that few lengths need compiling.
_FRAMES = 64


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of one video.

    Attributes:
      windows: float32 [W, V], probabilities of the windows, which start at every frame.
      attention: float32 [T, M], weights over the whole video as one bag; None if the network has no attention.
    """

    windows: np.ndarray
    attention: np.ndarray | None


class VideoScorer:
    """Scores videos one at a time.

    Args:
      model: follows the model contract.
      segment_size: S; a video with fewer frames is one window.

    Call: frames uint8 [T, F] with T >= 1 -> Scored.
    """

    def __init__(self, model: keras.Model, segment_size: int) -> None:
        self._segment_size = segment_size
        self._score = scoring.make_scorer(model)

    def __call__(self, frames: np.ndarray) -> Scored:
        return Scored(self.windows(frames), self.attention(frames))

    def windows(self, frames: np.ndarray) -> np.ndarray:
        """Returns the probabilities float32 [W, V] of the windows, which start at every frame."""
        count, size = max(1, len(frames) - self._segment_size + 1), min(self._segment_size, len(frames))
        indices = np.arange(count)[:, None] + np.arange(size)
        padded = _padded(frames)
        return np.concatenate(
            [self._score.windows(padded, indices[first : first + _BATCH]) for first in range(0, count, _BATCH)]
        )

    def attention(self, frames: np.ndarray) -> np.ndarray | None:
        """Returns the attention weights float32 [T, M] over the whole video as one bag, or None without attention."""
        padded = _padded(frames)
        outputs = self._score({"frames": padded[None], "mask": np.arange(len(padded))[None] < len(frames)})
        return outputs["attention"][0, : len(frames)] if "attention" in outputs else None


def _padded(frames):
    return np.pad(frames, ((0, -len(frames) % _FRAMES), (0, 0)))


def best_moments(windows: np.ndarray, num_frames: int, data: Data, top: int) -> list[moments.Moment]:
    """Finds the best moments of a video (see moments.find) among the segment classes, or all classes if unknown.

    Args:
      windows: float32 [W, V], from VideoScorer.windows.
      num_frames: number of frames of the video.
      data: data configuration of the network.
      top: maximum number of moments.
    """
    return moments.find(windows, num_frames, data.segment_size, top, data.segment_classes)
