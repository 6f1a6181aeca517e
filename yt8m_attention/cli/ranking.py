"""What inference ranks, alone or as one of several workers."""

import contextlib
import dataclasses
import logging
import os
import re
from dataclasses import dataclass

from absl import flags

from yt8m_attention import schema
from yt8m_attention.cli import options
from yt8m_attention.config import Data, Options, option, size
from yt8m_attention.errors import UserError

logger = logging.getLogger(__name__)

FLAGS = flags.FLAGS


@dataclass(frozen=True)
class Ranking(Options):
    """What inference ranks."""

    segment_max_pred: int = option(
        schema.TOP_SEGMENTS, "maximum number of segments ranked for a class", least=1, most=1 << 24
    )
    window_stride: int | None = size(
        None,
        "frames from the start of one ranked window to the next; absent: the length of a window. Smaller values make "
        "windows overlap, which the challenge does not accept",
    )
    worker: str | None = option(
        None, "I/N: rank only the I-th of N parts of the files, and write --ranking_file; absent: rank all files"
    )
    ranking_file: str | None = option(None, "npz file to write the part of a --worker to, for --merge_rankings")
    merge_rankings: str | None = option(
        None, "the --ranking_file of every worker, as glob patterns separated by commas; writes the CSV of them all"
    )


# The starter code's default of --segment_label_ids_file.
_LABEL_IDS_ON_THE_WEB = "https://raw.githubusercontent.com/google/youtube-8m/master/segment_label_ids.csv"
_LABEL_IDS = "segment_label_ids.csv"

# The flags that --merge_rankings takes; the parts hold everything else.
_WITH_MERGED = ("merge_rankings", "output_file", "segment_labels", "quiet")


def worker() -> tuple[int, int] | None:
    """(number from 0, number of workers) of --worker; None without the flag.

    Raises:
      UserError: for another form, or flags that contradict it.
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
        raise UserError(f"--worker={FLAGS.worker}: several workers rank segments only; add --segment_labels")
    if FLAGS.output_file:
        raise UserError(f"--output_file={FLAGS.output_file}: given with --worker, which writes --ranking_file only; "
                        "leave it out")  # fmt: skip
    return number - 1, workers


def merged() -> str | None:
    """The pattern of --merge_rankings; None without the flag.

    Raises:
      UserError: for flags that the parts were made with.
    """
    if not FLAGS.merge_rankings:
        return None
    for flag in options.given(flag.name for flag in options.ours()):
        if flag not in _WITH_MERGED:
            raise UserError(f"--{flag}: given with --merge_rankings, whose parts it belongs to; leave it out")
    return FLAGS.merge_rankings


def with_segment_classes(data: Data) -> Data:
    """The data with the classes to rank, also if neither --segment_label_ids_file nor the training run names them.

    They are in the list beside the folder of the first file, or in that folder; else, for a vocabulary of YouTube-8M's
    size, in the starter code's list on the web. The data stays as it is without any of these.

    Raises:
      UserError: when a list cannot be read.
    """
    if data.segment_classes:
        return data
    from yt8m_attention.data.formats import label_ids  # TensorFlow and pandas take longer to import than wrong flags

    source = _list_beside_data() or (_LABEL_IDS_ON_THE_WEB if data.num_classes == schema.NUM_CLASSES else None)
    if source is None:
        return data
    logger.info(f"--segment_label_ids_file: not given, so the classes in {source}")
    try:
        return dataclasses.replace(data, segment_classes=label_ids.read(source))
    except UserError as error:
        raise UserError(f"{error}; name a copy of the file") from error


def _list_beside_data():
    """The path of the list in the data's folder or beside it; None if there is none."""
    import tensorflow as tf

    from yt8m_attention.data.storage import file_patterns

    first = file_patterns.expand(FLAGS.input_data_pattern, "input_data_pattern")[0]
    folder = os.path.dirname(first if file_patterns.is_remote(first) else os.path.abspath(first))
    for path in (os.path.join(place, _LABEL_IDS) for place in (os.path.dirname(folder), folder)):
        with contextlib.suppress(tf.errors.OpError):  # a bucket need not allow to look
            if tf.io.gfile.exists(path):
                return path
    return None
