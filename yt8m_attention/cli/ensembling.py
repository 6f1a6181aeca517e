"""The members of an ensemble, and where its ranking goes."""

import os
from dataclasses import dataclass

from absl import flags

from yt8m_attention.cli import options
from yt8m_attention.config import Options, option
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS


@dataclass(frozen=True)
class Ensemble(Options):
    """The members of an ensemble."""

    inputs: tuple[str, ...] = option((), "members to blend: directories of train, files of --scores_file")
    runs_dir: str = option("", "directory that --inputs are relative to; absent: the current one")
    weights: tuple[str, ...] = option(
        (),
        "weight of each of --inputs, 0 or more, or the word equal; absent: fitted on --fit_data_pattern, or equal "
        "without it",
    )
    method: str = option(
        "mean",
        "weighted mean of probabilities, of ranks within a class, or of logarithms",
        choices=("mean", "rank", "geometric"),
    )
    fit_data_pattern: str | None = option(
        None,
        "files with rated segments on which the blend and its members are scored; without --weights, weights are "
        "fitted on them, and none of these files is ranked",
    )


def paths() -> tuple[str, ...]:
    """--inputs under --runs_dir; a UserError when one does not exist."""
    found = tuple(os.path.join(FLAGS.runs_dir, path) for path in options.required("inputs"))
    for path in found:
        if not os.path.exists(path):
            raise UserError(f"--inputs: {path} does not exist; name directories of `train` or files of --scores_file, "
                            "relative to --runs_dir")  # fmt: skip
    return found


def weights(count: int) -> tuple[float, ...] | None:
    """--weights as numbers, one for each of `count` inputs; None without the flag; a UserError for anything else."""
    if not FLAGS.weights:
        return None
    if FLAGS.weights == ("equal",):
        return (1.0,) * count
    try:
        return tuple(float(weight) for weight in FLAGS.weights)
    except ValueError as error:
        raise UserError(f"--weights={','.join(FLAGS.weights)}: wanted numbers with commas between, or equal") from error


def output_file() -> str | None:
    """--output_file; None when the blend is only scored; a UserError when it is needed and missing."""
    needed = FLAGS.scores_file or not FLAGS.fit_data_pattern
    return options.required("output_file") if needed else FLAGS.output_file or None
