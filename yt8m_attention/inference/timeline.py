"""A video, second by second: every segment of it scored, and what each head looks at.

Letters: T frames, F features, S frames of a segment, W windows, V classes, M heads.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.inference import moments, scoring

_BATCH = 128
# Whole videos are filled up to a multiple of so many frames, so that few lengths have to be compiled.
_FRAMES = 64


@dataclass(frozen=True, eq=False)
class Scored:
    """One video's scores."""

    windows: np.ndarray  # float32 [W, V], probabilities of the segments that begin one frame apart
    whole: np.ndarray  # float32 [V], probabilities of the whole video as one bag
    attention: np.ndarray | None  # float32 [T, M], of the whole video; None where the network has none


class VideoScorer:
    """Scores videos one at a time.

    Args:
      model: follows the model contract.
      segment_size: S; a video shorter than that is one window.

    Call: frames uint8 [T, F], T at least 1 -> Scored.
    """

    def __init__(self, model, segment_size):
        self._segment_size = segment_size
        # Two, as a scorer fills every batch up to its largest: windows are many and short, videos one and long.
        self._windows, self._whole = scoring.make_scorer(model), scoring.make_scorer(model)

    def __call__(self, frames):
        return Scored(self.windows(frames), *self.whole(frames))

    def windows(self, frames):
        """Probabilities float32 [W, V] of the segments that begin one frame apart."""
        count = max(1, len(frames) - self._segment_size + 1)
        at = np.arange(count)[:, None] + np.arange(self._segment_size)
        mask = at < len(frames)
        at = np.minimum(at, len(frames) - 1)
        batches = (slice(first, first + _BATCH) for first in range(0, count, _BATCH))
        return np.concatenate(
            [self._windows({"frames": frames[at[b]], "mask": mask[b]})["probabilities"] for b in batches]
        )

    def whole(self, frames):
        """The video as one bag: (probabilities float32 [V], attention float32 [T, M] or None)."""
        length = -(-len(frames) // _FRAMES) * _FRAMES
        filled = np.pad(frames, ((0, length - len(frames)), (0, 0)))
        outputs = self._whole({"frames": filled[None], "mask": np.arange(length)[None] < len(frames)})
        attention = outputs["attention"][0, : len(frames)] if "attention" in outputs else None
        return outputs["probabilities"][0], attention


def best_moments(scored, num_frames, data, top):
    """The best moments of a scored video (see moments.find) among the classes that segments are rated for, if known.

    Args:
      scored: Scored.
      num_frames: of the video.
      data: the config.Data of the network.
      top: moments wanted.
    """
    return moments.find(scored.windows, scored.whole, num_frames, data.segment_size, top, data.segment_classes)
