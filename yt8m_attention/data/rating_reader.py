"""Reads the ratings of segments without their frames."""

from typing import NamedTuple

import numpy as np

from yt8m_attention import progress
from yt8m_attention.data import shard_items
from yt8m_attention.data.formats import index, index_file
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.data.storage.shard_cache import ShardCache


class Ratings(NamedTuple):
    """Rated pairs of (segment, class), parallel arrays in file order."""

    ids: np.ndarray  # bytes [P], of the videos
    starts: np.ndarray  # int64 [P], frames
    classes: np.ndarray  # int64 [P]
    scores: np.ndarray  # uint8 [P], 0 or 1
    skipped: int  # segments left out because they begin beyond the last frame


def read_ratings(
    pattern: str,
    num_classes: int | None = None,
    flag: str = "eval_data_pattern",
    cache_dir: str | None = None,
    index_dir: str | None = index_file.NOWHERE,
    bad_records: BadRecords | None = None,
) -> Ratings:
    """Reads the ratings of records: the pairs that evaluation scores.

    The segment size is not an argument, but all rated segments must have the same one.

    Args:
      pattern, flag: as file_patterns.expand takes them.
      num_classes: as index.shard_index takes it.
      cache_dir, index_dir: as in config.Data.
      bad_records: counts bad records; None: the first one is an error.

    Raises:
      UserError: for files or records that cannot be used.
    """
    bad_records = BadRecords(0) if bad_records is None else bad_records
    cache, paths = ShardCache(cache_dir), file_patterns.expand(pattern, flag)
    ids, starts, classes, scores = [], [], [], []
    size, skipped = None, 0
    shown = progress.Progress("shards of ratings", len(paths), brief=True)
    for path in paths:
        local = cache.local_path(path)
        # Beside the index of the frames, which holds more and depends on the features.
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
        ids.append(shard.ids[found.record[item]])
        starts.append(found.start[item])
        classes.append(found.classes)
        scores.append(found.scores)
        skipped += found.skipped
        shown.add(1)
    shown.close()
    return Ratings(
        np.concatenate(ids), np.concatenate(starts), np.concatenate(classes), np.concatenate(scores), skipped
    )
