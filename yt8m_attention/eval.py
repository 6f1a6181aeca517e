"""Scores a trained model on labelled videos, and with --segment_labels on their rated segments.

  python -m yt8m_attention.eval --eval_data_pattern='data/test/*.tfrecord' --train_dir=runs/phase2 --segment_labels

With --norun_once it follows a training run and scores every checkpoint, until the run has finished.
"""

import functools
from typing import Any

from absl import flags

from yt8m_attention.cli import app, data, held_out, options, scoring, starter_code, trained_model
from yt8m_attention.cli.evaluation import Evaluation
from yt8m_attention.cli.files import Files
from yt8m_attention.config import Scoring
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

OPTIONS = (
    options.some(Files, "eval_data_pattern", "per_class_file"),
    trained_model.TrainedModel,
    trained_model.VOCABULARY,
    scoring.SEGMENT_LABELS,
    options.some(Evaluation, "run_once", "top_k", "num_examples"),
    Scoring,
    held_out.HeldOut,
    *data.OPTIONS,
    *starter_code.TRAINED,
)


def main() -> dict[str, Any]:
    level = starter_code.trained()
    train_dir = trained_model.train_dir()
    pattern = options.required("eval_data_pattern")
    scored = scoring.of_segments()
    if FLAGS.per_class_file and not FLAGS.segment_labels:
        raise UserError("--per_class_file: holds classes of segments, and --segment_labels is not given; give both")
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.evaluation import evaluate_checkpoints

    evaluate = evaluate_checkpoints.evaluate if FLAGS.run_once else evaluate_checkpoints.follow
    return evaluate(
        train_dir,
        pattern,
        which=FLAGS.checkpoint,
        change_data=functools.partial(starter_code.change_data, level, train_dir, "eval_data_pattern"),
        segments=FLAGS.segment_labels,
        top_k=FLAGS.top_k,
        held_out=held_out.share,
        limit=FLAGS.num_examples,
        scoring=scored,
        per_class_file=FLAGS.per_class_file,
        class_name=trained_model.vocabulary(train_dir).name,
    )


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
