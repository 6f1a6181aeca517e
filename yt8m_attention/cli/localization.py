"""Which moments are wanted, and in which form."""

from dataclasses import dataclass

from absl import flags

from yt8m_attention.config import Options, option, size
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS


@dataclass(frozen=True)
class Moments(Options):
    """Which moments are wanted, and in which form."""

    input: str | None = option(
        None,
        "features: .npy [frames, features], .npz of such arrays, TFRecord files of YouTube-8M or MediaPipe; glob "
        "patterns separated by commas",
    )
    top: int = size(5, "maximum number of moments of a video")
    format: str = option(
        "table",
        "form of the moments: a table for people, JSON, or SubRip and WebVTT for video players",
        choices=("table", "json", "srt", "vtt"),
    )


@dataclass(frozen=True)
class Report(Options):
    """What a report shows."""

    video_ids: tuple[str, ...] = option(
        (), "ids of the videos to show; absent: a few, videos of your own first, then rated ones"
    )


def output_file() -> str | None:
    """--output_file of `moments`; None: standard output, which ends with the command's result.

    Raises:
      UserError: for a format that programs read without --output_file: that last line would spoil it.
    """
    if FLAGS.format != "table" and not FLAGS.output_file:
        raise UserError(f"--format={FLAGS.format}: wants --output_file, since standard output ends with the command's "
                        "result, a line of another kind")  # fmt: skip
    return FLAGS.output_file or None
