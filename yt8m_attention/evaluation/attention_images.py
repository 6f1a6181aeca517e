"""Draws the attention of each head over a few videos. The videos are always the same, so steps can be compared.

Time runs from left to right, four pixels per frame. The strip on top marks the rated segments: green if a class was
rated positive, red if all rated classes were negative. Each band below shows one head: lighter means more attention.
"""

from collections.abc import Iterable

import numpy as np

from yt8m_attention import config
from yt8m_attention.aliases import Tensor
from yt8m_attention.evaluation import shown_videos
from yt8m_attention.localization import video_scorer

_VIDEOS = 4
_FRAME_PIXELS, _HEAD_PIXELS, _STRIP_PIXELS = 4, 12, 8
_GREEN, _RED, _GREY = (40, 170, 110), (200, 60, 50), (60, 60, 60)


def make(model: Tensor, pattern: str, data: config.Data, held_out: float = 0.0) -> dict[str, np.ndarray]:
    """Draws the first videos in file order; videos with a positive rating come first.

    Args:
      model: Keras model that follows the model contract.
      pattern: frame-level files.
      data: the network's config.Data.
      held_out: share of the videos that training held out; only these are drawn. 0: all videos.

    Returns:
      {video id: uint8 [height, width, 3]}; empty if the network has no attention.
    """
    found = shown_videos.first(pattern, data, "eval_data_pattern", held_out)
    pictures, score = {}, video_scorer.VideoScorer(model, data.segment_size)
    for video in found[:_VIDEOS]:
        attention = score.attention(video.frames)
        if attention is not None:
            pictures[video.id] = picture(attention, video.ratings, data.segment_size)
    return pictures


def picture(attention: np.ndarray, ratings: Iterable[tuple[int, int, float]], segment_size: int) -> np.ndarray:
    """Draws one video.

    Args:
      attention: float [T, M], T frames and M heads.
      ratings: (start, class, score) of the rated segments; start in frames.
      segment_size: frames of a segment.

    Returns:
      uint8 [height, width, 3].
    """
    frames = len(attention)
    strip = np.full((frames, 3), _GREY, np.uint8)
    for start, _, score in sorted(ratings, key=lambda rating: rating[2]):  # a positive wins over a negative
        strip[start : start + segment_size] = _GREEN if score > 0 else _RED
    shades = attention / np.maximum(attention.max(axis=0), 1e-12)
    bands = np.repeat((shades.T[..., None] * 255).astype(np.uint8), 3, axis=2)
    rows = [np.repeat(strip[None], _STRIP_PIXELS, axis=0)]
    for band in bands:
        rows.append(np.repeat(band[None], _HEAD_PIXELS - 1, axis=0))
        rows.append(np.full((1, frames, 3), _GREY, np.uint8))
    return np.repeat(np.concatenate(rows), _FRAME_PIXELS, axis=1)
