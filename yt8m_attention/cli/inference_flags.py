"""What inference scores and writes."""

import re

from absl import flags

from yt8m_attention import schema
from yt8m_attention.cli import values
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "input_data_pattern", None, "files to score, labelled or not: globs, with commas between; gs:// too"
)
flags.DEFINE_string("output_file", None, "the CSV to write")
flags.DEFINE_bool("segment_labels", False, "rank the segments of each class, not the classes of each video")
flags.DEFINE_integer(
    "segment_max_pred", schema.TOP_SEGMENTS, "segments ranked for a class, at most", lower_bound=1, upper_bound=1 << 24
)
flags.DEFINE_integer("window_stride", None,
                     "frames from one ranked window's start to the next one's; absent: a window's length. With less, "
                     "windows overlap: more than the challenge takes", lower_bound=1, upper_bound=1 << 20)  # fmt: skip
flags.DEFINE_integer("top_k", schema.TOP_CLASSES, "classes written for a video", lower_bound=1, upper_bound=1 << 20)
flags.DEFINE_string("scores_file", None, "npz to write every score to, as `ensemble` reads them")
flags.DEFINE_string("worker", None, "I/N: rank only the I-th of N parts of the files, into --ranking_file")
flags.DEFINE_string("ranking_file", None, "npz to write a --worker's part of the ranking to, for --merge_rankings")
flags.DEFINE_string(
    "merge_rankings", None, "the --ranking_file of each worker, globs, with commas between: writes the CSV of them all"
)
# Beside --merge_rankings; all else is in the parts.
_WITH_MERGED = ("merge_rankings", "output_file", "segment_labels", "quiet")


def worker():
    """(number from 0, of how many) of --worker, or None.

    Raises:
      UserError: where it is none, or flags are given that do not go with it.
    """
    if not FLAGS.worker:
        if FLAGS.ranking_file:
            raise UserError(f"--ranking_file={FLAGS.ranking_file}: given without --worker; give --worker=I/N too")
        return None
    found = re.fullmatch(r"0*([1-9]\d{0,6})/0*([1-9]\d{0,6})", FLAGS.worker, re.ASCII)
    number, workers = map(int, found.groups()) if found else (1, 0)
    if number > workers:
        raise UserError(f"--worker={FLAGS.worker}: wanted I/N, as 2/4 for the second of four workers")
    if not FLAGS.segment_labels:
        raise UserError(f"--worker={FLAGS.worker}: only segments are ranked by several workers; add --segment_labels")
    if FLAGS.output_file:
        raise UserError(f"--output_file={FLAGS.output_file}: given beside --worker, which writes --ranking_file alone; "
                        "leave it out")  # fmt: skip
    return number - 1, workers


def merged():
    """The pattern of --merge_rankings, or None.

    Raises:
      UserError: where flags are given beside it that say what the parts say already.
    """
    if not FLAGS.merge_rankings:
        return None
    for flag in values.given(*FLAGS):
        ours = FLAGS.find_module_defining_flag(flag).startswith("yt8m_attention.")
        if ours and flag not in _WITH_MERGED:
            raise UserError(f"--{flag}: given beside --merge_rankings, whose parts it was given for; leave it out")
    return FLAGS.merge_rankings
