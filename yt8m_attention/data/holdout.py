"""Which videos are held out: a matter of the id alone, so of no file, order, run or machine."""

import hashlib

import numpy as np


def in_holdout(video_id, fraction):
    """Whether a video belongs to the held-out share; a larger fraction holds out the same videos and more.

    Args:
      video_id: str or bytes.
      fraction: of all videos, in [0, 1].
    """
    data = video_id.encode() if isinstance(video_id, str) else bytes(video_id)
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") < fraction * 2**64


def kept(video_ids, fraction, only_holdout=False):
    """Which of some videos remain: bool [N], those not held out, or with only_holdout those that are."""
    if not fraction:
        return np.full(len(video_ids), not only_holdout)
    return np.array([in_holdout(i, fraction) == only_holdout for i in video_ids], bool)
