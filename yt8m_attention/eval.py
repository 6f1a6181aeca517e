"""Scores a trained model on labelled videos, and with --segment_labels on their rated segments.

  python -m yt8m_attention.eval --eval_data_pattern='data/test/*.tfrecord' --train_dir=runs/phase2 --segment_labels

With --norun_once it follows a training run and scores every checkpoint, until the run has finished.
"""

from absl import flags

from yt8m_attention.cli import (  # they define flags
    app,
    data_flags,
    eval_flags,  # noqa: F401
    holdout_flags,
    limit_flags,  # noqa: F401
    per_class_flags,  # noqa: F401
    precision_flags,  # noqa: F401
    trained_flags,
    values,
    video_score_flags,
    vocabulary_flags,
)
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS


def main():
    train_dir = trained_flags.train_dir()
    pattern = values.required("eval_data_pattern")
    weight = video_score_flags.of_segments()
    if FLAGS.per_class_file and not FLAGS.segment_labels:
        raise UserError("--per_class_file: holds classes of segments, and --segment_labels is not given; give both")
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.evaluation import evaluate_checkpoints

    evaluate = evaluate_checkpoints.evaluate if FLAGS.run_once else evaluate_checkpoints.follow
    return evaluate(
        train_dir,
        pattern,
        which=FLAGS.checkpoint,
        change_data=data_flags.over,
        segments=FLAGS.segment_labels,
        top_k=FLAGS.top_k,
        held_out=holdout_flags.share,
        limit=FLAGS.num_examples,
        precision=FLAGS.precision,
        video_score_weight=weight,
        per_class_file=FLAGS.per_class_file,
        class_name=vocabulary_flags.vocabulary(train_dir).name,
    )


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
