"""What an ensemble is made of, and where its ranking goes."""

import os

from absl import flags

from yt8m_attention import schema
from yt8m_attention.cli import values
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

values.define_names("inputs", None, "what is blended: directories that train has written to, files of --scores_file")
flags.DEFINE_string("runs_dir", "", "directory that --inputs are relative to")
flags.DEFINE_list("weights", None,
                  "one for each of --inputs, 0 or more, or the word equal; absent: fitted on --fit_data_pattern, or "
                  "equal where there is none")  # fmt: skip
flags.DEFINE_enum("method", "mean", ["mean", "rank", "geometric"],
                  "weighted mean of probabilities, of ranks within a class, or of logarithms")  # fmt: skip
flags.DEFINE_string("fit_data_pattern", None,
                    "files with rated segments to judge the blend and each of --inputs on; without --weights also to "
                    "fit them on, and then none of these is scored")  # fmt: skip
flags.DEFINE_string("input_data_pattern", None, "files to score, where models are among --inputs: globs, with commas")
flags.DEFINE_string("output_file", None, "the CSV to write; may be absent with --fit_data_pattern")
flags.DEFINE_string("scores_file", None, "npz to write the blended scores to, itself one of another ensemble's inputs")
flags.DEFINE_integer(
    "segment_max_pred", schema.TOP_SEGMENTS, "segments ranked for a class, at most", lower_bound=1, upper_bound=1 << 24
)


def paths():
    """--inputs under --runs_dir.

    Raises:
      UserError: where one is absent.
    """
    found = tuple(os.path.join(FLAGS.runs_dir, path) for path in values.required("inputs"))
    for path in found:
        if not os.path.exists(path):
            raise UserError(f"--inputs: {path} does not exist; name directories of `train` or files of --scores_file, "
                            "relative to --runs_dir")  # fmt: skip
    return found


def weights(count):
    """--weights as numbers, or None.

    Args:
      count: how many --inputs there are.

    Raises:
      UserError: for anything else.
    """
    if not FLAGS.weights:
        return None
    if FLAGS.weights == ["equal"]:
        return (1.0,) * count
    try:
        return tuple(float(weight) for weight in FLAGS.weights)
    except ValueError as error:
        raise UserError(f"--weights={','.join(FLAGS.weights)}: wanted numbers with commas between, or equal") from error


def output_file():
    """--output_file, or None where the blend is judged alone.

    Raises:
      UserError: where it is needed and absent.
    """
    needed = FLAGS.scores_file or not FLAGS.fit_data_pattern
    return values.required("output_file") if needed else FLAGS.output_file or None
