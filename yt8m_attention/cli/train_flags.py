"""One phase of training and how it is run."""

from absl import flags

from yt8m_attention.cli import (  # they define flags
    augmentation_flags,  # noqa: F401
    data_flags,
    model_flags,
    teacher_flags,  # noqa: F401
    values,
    vocabulary_flags,  # noqa: F401
)
from yt8m_attention.config import Augmentation, Phase, Run
from yt8m_attention.data.holdout import RATED_SHARE

FLAGS = flags.FLAGS

flags.DEFINE_string("train_data_pattern", None, "files to train on: globs, with commas between; gs:// too")
flags.DEFINE_string("train_dir", None, "directory of checkpoints and TensorBoard events; a run there is gone on with")
flags.DEFINE_bool("segment_labels", Phase.segment_labels, "train on rated segments (phase 2), not on videos (phase 1)")
flags.DEFINE_integer("batch_size", Phase.batch_size, "examples a step")
flags.DEFINE_float("base_learning_rate", Phase.base_learning_rate, "Adam's rate at the start")
flags.DEFINE_float("learning_rate_decay", Phase.learning_rate_decay, "factor on the rate ...")
flags.DEFINE_integer("learning_rate_decay_examples", Phase.learning_rate_decay_examples, "... each so many examples")
flags.DEFINE_float("clip_gradient_norm", Phase.clip_gradient_norm, "largest global norm of a gradient; 0: any")
flags.DEFINE_integer("max_steps", None, "steps of this phase, beside those of --init_checkpoint")
flags.DEFINE_integer("num_epochs", None, "passes over the data")
flags.DEFINE_float(
    "segment_class_weight", Phase.segment_class_weight, "weight in the loss of segment classes; others: 1"
)
flags.DEFINE_enum("unrated", Phase.unrated, ["ignore", "negative"],
                  "pairs that nobody rated: no part of the loss, or negative as published")  # fmt: skip
flags.DEFINE_float("holdout_fraction", None,
                   "share of the videos never trained on, which picks the best checkpoint; "
                   "absent: 0.1 with --segment_labels, else 0")  # fmt: skip
flags.DEFINE_string("init_checkpoint", None, "training directory or checkpoint file to start from")
flags.DEFINE_bool("reset_optimizer", Phase.reset_optimizer, "take only the weights of --init_checkpoint, from step 0")
flags.DEFINE_bool("start_new_model", Run.start_new_model, "put what --train_dir holds aside and start anew")
flags.DEFINE_integer("seed", Run.seed, "of weights, order and noise")
flags.DEFINE_bool("deterministic", Run.deterministic, "equal runs give equal weights, at some speed")
flags.DEFINE_enum("precision", Run.precision, ["auto", "float32", "mixed_bfloat16", "mixed_float16"],
                  "arithmetic; auto asks the device")  # fmt: skip
flags.DEFINE_enum("jit_compile", Run.jit_compile, ["auto", "on", "off"], "XLA for the whole step; auto: on one GPU")
flags.DEFINE_enum("distribution", Run.distribution, ["auto", "one", "mirrored"],
                  "devices: every GPU; the first one; all logical devices")  # fmt: skip
flags.DEFINE_integer("save_checkpoint_steps", Run.save_checkpoint_steps, "steps between checkpoints")
flags.DEFINE_integer("keep_checkpoints", Run.keep_checkpoints, "newest checkpoints kept, beside the best")
flags.DEFINE_integer("log_steps", Run.log_steps, "steps between points of the curves")
values.define_integers("profile_steps", None, "A,B: write a TensorBoard profile of this process's steps A to B")


def run() -> Run:
    """The run that the flags describe."""
    holdout = FLAGS.holdout_fraction
    if holdout is None:
        holdout = RATED_SHARE if FLAGS.segment_labels else 0.0
    data = data_flags.data()
    random_frames = data.sampling.frame_sampling == "random" and not FLAGS.segment_labels
    return values.collect(
        Run,
        train_dir=values.required("train_dir"),
        train_data_pattern=values.required("train_data_pattern"),
        model=model_flags.model(random_frames),
        data=data,
        phase=values.collect(Phase, holdout_fraction=holdout, augmentation=values.collect(Augmentation)),
    )
