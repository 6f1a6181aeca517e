"""Which videos are held out: a function of the id alone, so of no file, order, run or machine."""

import hashlib
from collections.abc import Sequence

import numpy as np


def in_holdout(video_id: str | bytes, fraction: float) -> bool:
    """Whether a video is held out; a larger fraction holds out the same videos and more.

    Args:
      video_id: of the video.
      fraction: of all videos, in [0, 1].
    """
    data = video_id.encode() if isinstance(video_id, str) else bytes(video_id)
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") < fraction * 2**64


def kept(video_ids: Sequence[str | bytes] | np.ndarray, fraction: float, only_holdout: bool = False) -> np.ndarray:
    """Selects videos: bool [N], those not held out, or with only_holdout those held out.

    Args:
      video_ids: of N videos.
      fraction: as in_holdout; 0 keeps all videos, with only_holdout none.
      only_holdout: which of both are kept.
    """
    if not fraction:
        return np.full(len(video_ids), not only_holdout)
    return np.array([in_holdout(i, fraction) == only_holdout for i in video_ids], bool)
