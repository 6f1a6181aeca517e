"""The ratings in labelled records, without their frames."""

from typing import NamedTuple

import numpy as np

from yt8m_attention import progress
from yt8m_attention.data import shard_items
from yt8m_attention.data.formats import index, index_file
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.data.storage.shard_cache import ShardCache


class Ratings(NamedTuple):
    """Rated pairs of (segment, class), parallel, in file order."""

    ids: np.ndarray  # bytes [P], the videos'
    starts: np.ndarray  # int64 [P], frames
    classes: np.ndarray  # int64 [P]
    scores: np.ndarray  # uint8 [P], 0 or 1
    skipped: int  # segments left out, since they begin beyond the last frame


def read_ratings(
    pattern, num_classes=None, flag="eval_data_pattern", cache_dir=None, index_dir=index_file.NOWHERE, bad_records=None
):
    """The ratings of records, without their frames; the very pairs that evaluation goes by.

    How long a segment is nobody says here, but all have one length.

    Args:
      pattern, flag: as files.expand takes them.
      num_classes: as index.shard_index takes it.
      cache_dir, index_dir: of a config.Data.
      bad_records: a bad_records.BadRecords to count in; None: the first one stops.

    Raises:
      UserError: where files or records cannot be used.
    """
    bad_records = BadRecords(0) if bad_records is None else bad_records
    parts, cache, paths = [], ShardCache(cache_dir), file_patterns.expand(pattern, flag)
    size = None
    shown = progress.Progress("shards of ratings", len(paths), brief=True)
    for path in paths:
        local = cache.local_path(path)
        # Beside the index that frames are read by, which has more in it and is made for certain features.
        kept_at = index_file.place(local if index_dir is None else path, index_dir)
        shard = index.shard_index(local, None, num_classes, kept_at and f"{kept_at}.ratings")
        for error in shard.bad:
            bad_records.add(error)
        cache.use([])
        if size is None:
            size = next((max(1, s) for s in shard_items.known_sizes(shard)[1].tolist()), None)
        shard_items.check_sizes(shard, size, f"{size} as of the first one; write the file again")
        found = shard_items.rated_segments(shard, np.ones(len(shard), bool))
        item = np.repeat(np.arange(len(found)), np.diff(found.splits))
        parts.append((shard.ids[found.record[item]], found.start[item], found.classes, found.scores, found.skipped))
        shown.add(1)
    shown.close()
    *arrays, skipped = zip(*parts, strict=True)
    return Ratings(*map(np.concatenate, arrays), sum(skipped))
