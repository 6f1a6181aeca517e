"""MAP@K of a submission, whatever system wrote it, against the ratings. Numpy alone."""

import itertools
import typing
import zipfile

import numpy as np

from yt8m_attention import schema
from yt8m_attention.errors import UserError
from yt8m_attention.files import replacing
from yt8m_attention.metrics import streaming


class Ratings(typing.NamedTuple):
    """What people rated: R pairs of segment and class. A pair that comes again replaces the one before."""

    video_ids: np.ndarray  # str or bytes [R]
    starts: np.ndarray  # int [R], seconds (frames)
    classes: np.ndarray  # int [R]
    scores: np.ndarray  # [R], positive where more than 0


def score(rows, ratings, top_n=schema.TOP_SEGMENTS):
    """Scores a submission as the challenge does: cut each class at top_n, drop its unrated segments, then AP.

    Args:
      rows: `inference.submission.Row`s, one a class, as `submission.read` yields them.
      ratings: Ratings. Classes rated but not submitted count 0 where they have a positive.
      top_n: K.

    Returns:
      {"map": mean over the classes with a positive; NaN where there is none,
       "classes": how many these are, "rated_pairs": of all classes,
       "unknown_segments": distinct segments of the submission that nobody rated for any class, so that they can
         have come from other data than the ratings,
       "per_class": {class: (average precision, positives, rated)} of the classes with a positive}.
    """
    rated = _by_class(ratings)
    known = set().union(*rated.values())
    unknown, labels = set(), {}
    for row in rows:
        unknown.update(itertools.filterfalse(known.__contains__, row.segments))
        of_class = rated.get(row.class_id, {})
        labels[row.class_id] = [of_class[s] for s in row.segments[:top_n] if s in of_class]

    num_classes = max(rated, default=-1) + 1
    ranked = [labels.get(c, []) for c in range(num_classes)]
    of_rated = [list(rated.get(c, {}).values()) for c in range(num_classes)]
    result = streaming.summary(
        classes=np.repeat(np.arange(num_classes), [len(part) for part in ranked]),
        labels=np.array([label for part in ranked for label in part], bool),
        rated=np.array([len(part) for part in of_rated], int),
        positives=np.array([sum(part) for part in of_rated], int),
        top_n=top_n,
    )
    return {
        "map": result["segment_map"],
        "classes": result["classes"],
        "rated_pairs": result["rated_pairs"],
        "unknown_segments": len(unknown),
        "per_class": result["per_class"],
    }


def _by_class(ratings):
    """{class: {`video:start`: positive}}"""
    rated = {}
    for video_id, start, c, rating in zip(*(np.asarray(part).tolist() for part in ratings), strict=True):
        name = video_id.decode() if isinstance(video_id, bytes) else video_id
        rated.setdefault(c, {})[f"{name}:{start}"] = rating > 0
    return rated


def save_ratings(path, ratings):
    """Writes ratings to a label cache, one .npz file, complete or absent.

    Raises:
      UserError: where the file cannot be written.
    """
    with replacing(path) as file:
        np.savez_compressed(file, **{name: np.asarray(part) for name, part in ratings._asdict().items()})


def load_ratings(path):
    """Reads a label cache.

    Raises:
      UserError: where the file is absent or is none.
    """
    try:
        with np.load(path, allow_pickle=False) as saved:
            return Ratings(*(saved[name] for name in Ratings._fields))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(
            f"--label_cache={path}: is no label cache ({error}); delete it to read the ratings again"
        ) from error
