"""What inference ranks, alone or as one of several workers."""

import re
from dataclasses import dataclass

from absl import flags

from yt8m_attention import schema
from yt8m_attention.cli import options
from yt8m_attention.config import Options, option, size
from yt8m_attention.errors import UserError

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
