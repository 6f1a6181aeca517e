"""Where each head looks in a few videos, as pictures: always the same videos, so that steps compare.

A picture: time runs right, four pixels a frame. The strip on top marks the rated segments, green where some class was
seen and red where those asked for were not. Below, a band a head: the lighter, the more of the head's attention.
"""

import numpy as np

from yt8m_attention.evaluation import shown_videos
from yt8m_attention.localization import video_scorer

_VIDEOS = 4
_FRAME_PIXELS, _HEAD_PIXELS, _STRIP_PIXELS = 4, 12, 8
_GREEN, _RED, _GREY = (40, 170, 110), (200, 60, 50), (60, 60, 60)


def make(model, pattern, data, held_out=0.0):
    """Pictures of the first videos in file order, those with a positive rating first.

    Args:
      model: follows the model contract.
      pattern: frame-level files.
      data: the network's config.Data.
      held_out: the share of the videos that training held out, which alone is looked at; 0: all.

    Returns:
      {video id: uint8 [height, width, 3]}; empty where the network has no attention.
    """
    found = shown_videos.first(pattern, data, "eval_data_pattern", held_out)
    pictures, score = {}, video_scorer.VideoScorer(model, data.segment_size)
    for video in found[:_VIDEOS]:
        attention = score.attention(video.frames)
        if attention is not None:
            pictures[video.id] = picture(attention, video.ratings, data.segment_size)
    return pictures


def picture(attention, ratings, segment_size):
    """One video's picture.

    Args:
      attention: float [T, M].
      ratings: (start, class, score) of rated segments.
      segment_size: their frames.

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
