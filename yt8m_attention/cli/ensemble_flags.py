"""What an ensemble is made of, and where its ranking goes."""

import os

from absl import flags

from yt8m_attention import schema
from yt8m_attention.cli import values
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

values.define_names("inputs", None, "what is blended: directories that train has written to, files of --scores_file")
flags.DEFINE_string("runs_dir", "", "directory that --inputs are relative to")
flags.DEFINE_list("weights", None, "one for each of --inputs, 0 or more; absent: equal ones")
flags.DEFINE_enum("method", "mean", ["mean", "rank", "geometric"],
                  "weighted mean of probabilities, of ranks within a class, or of logarithms")  # fmt: skip
flags.DEFINE_string("fit_data_pattern", None,
                    "files with rated segments to fit the weights on, none of which is scored")  # fmt: skip
flags.DEFINE_string("input_data_pattern", None, "files to score, where models are among --inputs: globs, with commas")
flags.DEFINE_string("output_file", None, "the CSV to write")
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


def weights():
    """--weights as numbers, or None.

    Raises:
      UserError: for anything else.
    """
    if not FLAGS.weights:
        return None
    if FLAGS.fit_data_pattern:
        raise UserError("--weights: given beside --fit_data_pattern, which finds them; give one of the two")
    try:
        return tuple(float(weight) for weight in FLAGS.weights)
    except ValueError as error:
        raise UserError(f"--weights={','.join(FLAGS.weights)}: wanted numbers with commas between") from error
