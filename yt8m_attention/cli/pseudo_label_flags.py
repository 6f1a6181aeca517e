"""Which segments of a ranking get a pseudo-label, and where they go."""

from absl import flags

from yt8m_attention.cli import (  # they define flags
    feature_flags,
    ranking_flags,  # noqa: F401
    record_flags,  # noqa: F401
    segment_size_flags,  # noqa: F401
    values,
)
from yt8m_attention.config import Data
from yt8m_attention.data.holdout import RATED_SHARE
from yt8m_attention.ensembling.pseudo_labels import Rule

FLAGS = flags.FLAGS
_MOST = 1 << 24  # of a class

flags.DEFINE_string(
    "input_data_pattern", None, "frame-level files that were ranked: globs, with commas between; gs:// too"
)
flags.DEFINE_string("output_dir", None, "directory to write shards to: new, empty, or made by the same call before")
flags.DEFINE_integer("positives", 100, "best-ranked segments of each class that become positives",
                     lower_bound=1, upper_bound=_MOST)  # fmt: skip
flags.DEFINE_integer("negatives", None, "segments of each class that become negatives; absent: as many as positives",
                     lower_bound=0, upper_bound=_MOST)  # fmt: skip
flags.DEFINE_integer("negatives_from", None,
                     "rank, 1 being the best, from which on negatives are spread evenly; absent: they are the last of "
                     "the ranking", lower_bound=2, upper_bound=_MOST)  # fmt: skip
flags.DEFINE_integer("max_per_video", 0, "positives, and negatives, of a class and video, at most; 0: any number",
                     lower_bound=0, upper_bound=_MOST)  # fmt: skip
flags.DEFINE_float("holdout_fraction", RATED_SHARE,
                   "share of the videos that training holds out, as train is given it: they get no label",
                   lower_bound=0.0, upper_bound=1.0)  # fmt: skip


def rule() -> Rule:
    """Which segments the flags ask for."""
    return Rule(
        FLAGS.positives,
        FLAGS.positives if FLAGS.negatives is None else FLAGS.negatives,
        FLAGS.negatives_from,
        FLAGS.max_per_video,
    )


def data() -> Data:
    """How the flags say that records are read."""
    return values.collect(Data, features=feature_flags.features())
