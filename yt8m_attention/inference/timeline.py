"""A video, second by second: every segment of it scored, and what each head looks at."""

from dataclasses import dataclass

import numpy as np

from yt8m_attention.inference import moments

_BATCH = 128


@dataclass(frozen=True, eq=False)
class Scored:
    """One video's scores. Letters: T frames, W windows, V classes, M heads."""

    windows: np.ndarray  # float32 [W, V], probabilities of the segments that begin one frame apart
    whole: np.ndarray  # float32 [V], probabilities of the whole video as one bag
    attention: np.ndarray | None  # float32 [T, M], of the whole video; None where the network has none


def score_video(score, frames, segment_size):
    """Scores a video's segments, and the video as one bag.

    Args:
      score: function of a batch -> outputs by name (inference.scoring.make_scorer).
      frames: uint8 [T, F], T at least 1.
      segment_size: frames of a segment; a video shorter than that is one window.
    """
    count = max(1, len(frames) - segment_size + 1)
    at = np.arange(count)[:, None] + np.arange(segment_size)
    mask = at < len(frames)
    at = np.minimum(at, len(frames) - 1)
    parts = []
    for first in range(0, count, _BATCH):
        rows = slice(first, first + _BATCH)
        parts.append(score({"frames": frames[at[rows]], "mask": mask[rows]})["probabilities"])
    whole = score({"frames": frames[None], "mask": np.ones((1, len(frames)), bool)})
    attention = whole["attention"][0] if "attention" in whole else None
    return Scored(np.concatenate(parts), whole["probabilities"][0], attention)


def best_moments(scored, num_frames, data, top):
    """The best moments of a scored video (see moments.find) among the classes that segments are rated for, if known.

    Args:
      scored: Scored.
      num_frames: of the video.
      data: the config.Data of the network.
      top: moments wanted.
    """
    return moments.find(scored.windows, scored.whole, num_frames, data.segment_size, top, data.segment_classes)
