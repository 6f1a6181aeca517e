"""Scores a submission file against the ratings in labelled records."""

import logging
import os

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


def score(path, pattern, top_n, label_cache=None, per_class_file=None, held_out=0.0, classes=None,
          index_dir=None, max_bad_records=0, cache_dir=None, class_name="class {}".format):  # fmt: skip
    """MAP@top_n of the ranked segments in a CSV.

    Args:
      path: the CSV, see inference/submission.py.
      pattern: files with rated segments.
      top_n: segments of a class that count.
      label_cache: npz of the ratings, read where it is there and of these files as they are, else written; None: none.
      per_class_file: where each class's average precision goes, see per_class_file.py; None: nowhere.
      held_out: the share of the videos that training held out, whose ratings alone count; 0: all.
      classes: ids of the classes that count; None: all that are rated.
      index_dir, max_bad_records, cache_dir: of a config.Data, for reading the ratings.
      class_name: function of a class id -> its name.

    Returns:
      dict of `map`, `classes`, `rated_pairs`, `unknown_segments`.

    Raises:
      UserError: for files that cannot be used, or without any positive rating.
    """
    bad_records = BadRecords(max_bad_records)
    found = _ratings(pattern, label_cache, index_dir=index_dir, bad_records=bad_records, cache_dir=cache_dir)
    bad_records.say()
    ratings = _kept(found, held_out, classes)
    result = submission_score.score(_counted(submission.read(path, top_n), path, ratings), ratings, top_n)
    if not result["classes"]:
        raise UserError(f"--eval_data_pattern={pattern}: no segment is rated positive; name files with rated segments")
    if result["unknown_segments"]:
        logger.info(f"{result['unknown_segments']:,} segments of {path} are rated for no class")
    per_class = result.pop("per_class")
    if per_class_file:
        by_class.write(per_class_file, per_class, class_name)
    return result


def _ratings(pattern, label_cache, **reading):
    origin = file_patterns.stamps(file_patterns.expand(pattern, "eval_data_pattern")) if label_cache else None
    if label_cache and os.path.exists(label_cache):
        kept = submission_score.load_ratings(label_cache, origin)
        if kept is not None:
            return kept
        logger.info(f"--label_cache={label_cache}: holds ratings of other files, or of these as they were; read again")
    found = rating_reader.read_ratings(pattern, **reading)
    ratings = submission_score.Ratings(found.ids, found.starts, found.classes, found.scores)
    if label_cache:
        submission_score.save_ratings(label_cache, ratings, origin)
    return ratings


def _kept(ratings, fraction, classes):
    """The ratings of the videos and the classes that count."""
    keep = np.ones(len(ratings.classes), bool) if classes is None else np.isin(ratings.classes, classes)
    if fraction:
        videos, which = np.unique(ratings.video_ids, return_inverse=True)
        keep &= holdout.kept(videos, fraction, only_holdout=True)[which]
    return submission_score.Ratings(*(part[keep] for part in ratings))


def _counted(rows, path, ratings):
    """Passes rows on, tells how far they are, and says how many entries were beyond top_n, and how many classes nobody
    rated."""
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
        logger.info(f"{len(unknown):,} classes of {path} are rated nowhere and do not count, {unknown[0]} the first")
    if cut:
        logger.info(f"{cut:,} entries beyond --top_n were left out")
