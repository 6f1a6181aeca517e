"""A training run, as the flags describe it."""

from absl import flags

from yt8m_attention.cli import data, options
from yt8m_attention.config import RATED_HOLDOUT, Model, Phase, Run

FLAGS = flags.FLAGS

OPTIONS = (Run, data.SegmentClasses)


def run() -> Run:
    """The run that the flags describe."""
    train_dir, train_data_pattern = options.required("train_dir"), options.required("train_data_pattern")
    holdout = FLAGS.holdout_fraction
    if holdout is None:
        holdout = RATED_HOLDOUT if FLAGS.segment_labels else 0.0
    trained_on = data.data()
    noise = FLAGS.input_noise
    if noise is None:  # as published: noise on frames drawn at random
        random_frames = trained_on.sampling.frame_sampling == "random" and not FLAGS.segment_labels
        noise = Model.input_noise if random_frames else 0.0
    return options.collect(
        Run,
        train_dir=train_dir,
        train_data_pattern=train_data_pattern,
        model=options.collect(Model, input_noise=noise),
        data=trained_on,
        phase=options.collect(Phase, holdout_fraction=holdout),
    )
