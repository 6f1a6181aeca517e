"""Scores a submission file against the ratings in labelled records."""

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from yt8m_attention import progress
from yt8m_attention.data import holdout, rating_reader
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import per_class_file as by_class
from yt8m_attention.evaluation import submission_score
from yt8m_attention.inference import submission

logger = logging.getLogger(__name__)


def score(path: str, pattern: str, top_n: int, label_cache: str | None = None, per_class_file: str | None = None,
          held_out: float = 0.0, classes: Sequence[int] | None = None, index_dir: str | None = None,
          max_bad_records: int = 0, cache_dir: str | None = None,
          class_name: Callable[[int], str] = "class {}".format) -> dict[str, Any]:  # fmt: skip
    """Computes MAP@top_n of the ranked segments in a CSV.

    Args:
      path: the CSV, see inference/submission.py.
      pattern: files with rated segments.
      top_n: number of segments per class that count.
      label_cache: npz of the ratings. It is read if it exists and matches these files, otherwise written. None: no
        cache.
      per_class_file: CSV for the average precision of each class, see per_class_file.py; None: not written.
      held_out: share of the videos that training held out; only their ratings count. 0: all ratings.
      classes: ids of the classes that count; None: all rated classes.
      index_dir, max_bad_records, cache_dir: fields of config.Data, for reading the ratings.
      class_name: function of a class id -> its name.

    Returns:
      dict of `map`, `classes`, `rated_pairs`, `unknown_segments`, see submission_score.score.

    Raises:
      UserError: for files that cannot be used, or without any positive rating.
    """
    bad_records = BadRecords(max_bad_records)
    found = _ratings(pattern, label_cache, index_dir=index_dir, bad_records=bad_records, cache_dir=cache_dir)
    bad_records.log()
    ratings = _selected(found, held_out, classes)
    result = submission_score.score(_logged(submission.read(path, top_n), path, ratings), ratings, top_n)
    if not result["classes"]:
        raise UserError(f"--eval_data_pattern={pattern}: no segment is rated positive; name files with rated segments")
    if result["unknown_segments"]:
        logger.info(f"{result['unknown_segments']:,} segments of {path} have no rating for any class")
    per_class = result.pop("per_class")
    if per_class_file:
        by_class.write(per_class_file, per_class, class_name)
    return result


def _ratings(pattern, label_cache, **reading):
    origin = file_patterns.stamps(file_patterns.expand(pattern, "eval_data_pattern")) if label_cache else []
    if label_cache and os.path.exists(label_cache):
        cached = submission_score.load_ratings(label_cache, origin)
        if cached is not None:
            return cached
        logger.info(f"--label_cache={label_cache}: has ratings of other or changed files; reading the ratings again")
    found = rating_reader.read_ratings(pattern, **reading)
    ratings = submission_score.Ratings(found.ids, found.starts, found.classes, found.scores)
    if label_cache:
        submission_score.save_ratings(label_cache, ratings, origin)
    return ratings


def _selected(ratings, fraction, classes):
    """Selects the ratings of the videos and classes that count."""
    keep = np.ones(len(ratings.classes), bool) if classes is None else np.isin(ratings.classes, classes)
    if fraction:
        videos, which = np.unique(ratings.video_ids, return_inverse=True)
        keep &= holdout.kept(videos, fraction, only_holdout=True)[which]
    return submission_score.Ratings(*(part[keep] for part in ratings))


def _logged(rows, path, ratings):
    """Yields the rows. Logs the progress, the number of entries beyond top_n and the number of unrated classes."""
    cut, unknown, rated = 0, [], set(ratings.classes.tolist())
    shown = progress.Progress("classes", len(rated), brief=True)
    for row in rows:
        cut += row.cut
        if row.class_id not in rated:
            unknown.append(row.class_id)
        yield row
        shown.add(1)
    shown.close()
    if unknown:
        logger.info(f"{len(unknown):,} classes of {path} have no rating and do not count; the first is {unknown[0]}")
    if cut:
        logger.info(f"{cut:,} entries beyond --top_n were ignored")
