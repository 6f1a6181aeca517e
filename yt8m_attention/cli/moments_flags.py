"""What moments are looked for, and how they are told."""

from absl import flags

from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "input", None, "features: .npy [frames, features], .npz of such arrays, TFRecord files of YouTube-8M or MediaPipe"
)
flags.DEFINE_integer("top", 5, "moments of a video, at most", lower_bound=1, upper_bound=1 << 20)
flags.DEFINE_enum(
    "format", "table", ["table", "json", "srt", "vtt"], "table for people; JSON; SubRip or WebVTT, which players show"
)
flags.DEFINE_string(
    "output_file",
    None,
    "file to write; {id} in it makes a file each video; absent: standard output, for the table alone",
)


def output_file():
    """Where the moments go; None: standard output, whose last line is the command's result.

    Raises:
      UserError: where a format that programs read would be followed by that line.
    """
    if FLAGS.format != "table" and not FLAGS.output_file:
        raise UserError(f"--format={FLAGS.format}: wants --output_file, since standard output ends with the command's "
                        "result, a line of another kind")  # fmt: skip
    return FLAGS.output_file or None
