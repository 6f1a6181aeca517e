"""Selects the videos to show, with the progress of the search."""

import itertools
from collections.abc import Iterable, Sequence

from yt8m_attention import config, progress
from yt8m_attention.data import holdout, user_features
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.user_features import Video
from yt8m_attention.errors import UserError

_SEARCHED = 200  # number of videos that are searched for rated ones


def first(pattern: str, data: config.Data, flag: str, held_out: float = 0.0) -> list[Video]:
    """Returns the first 200 videos in file order; videos with a positive rating come first.

    Args:
      pattern: files, in the form of user_features.videos.
      data: the network's config.Data.
      flag: name of the pattern's flag, for messages.
      held_out: share of the videos that training held out; only these and unlabelled videos are taken. 0: all videos.
    """
    found = user_features.videos(pattern, data.features, flag, BadRecords(data.max_bad_records))
    if held_out:
        found = (video for video in found if not known(video) or holdout.in_holdout(video.id, held_out))
    return positive_first(_with_progress(itertools.islice(found, _SEARCHED), _SEARCHED))


def positive_first(videos: Iterable[Video]) -> list[Video]:
    """Sorts videos with a positive rating before all others; the order is otherwise unchanged."""
    return sorted(videos, key=lambda video: not any(score > 0 for _, _, score in video.ratings))


def named(ids: Sequence[str], pattern: str, data: config.Data, flag: str) -> list[Video]:
    """Returns the videos with these ids, in this order.

    Args:
      ids: video ids.
      pattern, data, flag: as `first`.

    Raises:
      UserError: if a video is not in the files.
    """
    found: dict[str, Video] = {}
    bad_records = BadRecords(data.max_bad_records)
    for video in _with_progress(_until_all(ids, user_features.videos(pattern, data.features, flag, bad_records))):
        if video.id in ids:
            found.setdefault(video.id, video)
    missing = [name for name in ids if name not in found]
    if missing:
        raise UserError(f"--video_ids: {', '.join(missing)} not in --{flag}={pattern}")
    return [found[name] for name in dict.fromkeys(ids)]


def known(video: Video) -> bool:
    """Whether the record has labels of the video or ratings of its segments."""
    return bool(video.labels or video.ratings)


def _until_all(ids, videos):
    """Yields the videos up to the last one of `ids`."""
    left = set(ids)
    for video in videos:
        yield video
        left.discard(video.id)
        if not left:
            return


def _with_progress(videos, limit=None):
    videos = (video for video in videos)  # a generator, which can be closed
    return progress.through(videos, "videos searched", lambda video: (1, video.progress), limit)
