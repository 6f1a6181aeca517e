"""The videos of files that are worth looking at, told of as they are read."""

import itertools

from yt8m_attention import progress
from yt8m_attention.data import holdout, user_features
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.errors import UserError

_SEARCHED = 200  # videos looked at for rated ones


def first(pattern, data, flag, held_out=0.0):
    """The first videos in file order, those with a positive rating before all others.

    Args:
      pattern: files, as own_features.videos takes them.
      data: the network's config.Data.
      flag: the pattern's, for messages.
      held_out: the share of the videos that training held out, which alone is taken, with those that nothing is known
        of, as a user's own; 0: all.
    """
    found = user_features.videos(pattern, data.features, flag, BadRecords(data.max_bad_records))
    if held_out:
        found = (video for video in found if not known(video) or holdout.in_holdout(video.id, held_out))
    return positive_first(_told(itertools.islice(found, _SEARCHED), _SEARCHED))


def positive_first(videos):
    """The videos as they come, but those with a positive rating before all others."""
    return sorted(videos, key=lambda video: not any(score > 0 for _, _, score in video.ratings))  # stable


def named(ids, pattern, data, flag):
    """The videos with these ids, in this order.

    Raises:
      UserError: where one is not there.
    """
    found, bad_records = {}, BadRecords(data.max_bad_records)
    for video in _told(_until_all(ids, user_features.videos(pattern, data.features, flag, bad_records))):
        if video.id in ids:
            found.setdefault(video.id, video)
    missing = [name for name in ids if name not in found]
    if missing:
        raise UserError(f"--video_ids: {', '.join(missing)} not in --{flag}={pattern}")
    return [found[name] for name in dict.fromkeys(ids)]


def known(video):
    """Whether the record says what is in the video: labels of the whole, or ratings of segments."""
    return bool(video.labels or video.ratings)


def _until_all(ids, videos):
    left = set(ids)
    for video in videos:
        yield video
        left.discard(video.id)
        if not left:
            return


def _told(videos, limit=None):
    videos = (video for video in videos)  # a generator, which can be closed
    return progress.through(videos, "videos looked through", lambda video: (1, video.progress), limit)
