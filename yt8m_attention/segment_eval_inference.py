"""Scores the ranked segments of any system by MAP@100,000. The CSV has the form of `inference --segment_labels`.

  python -m yt8m_attention.segment_eval_inference --eval_data_pattern='data/test/*.tfrecord' \\
      --submission_file=segments.csv
"""

from typing import Any

from absl import flags

from yt8m_attention.cli import app, data, held_out, options, trained_model
from yt8m_attention.cli.evaluation import Evaluation
from yt8m_attention.cli.files import Files
from yt8m_attention.config import LARGEST, Data

FLAGS = flags.FLAGS

OPTIONS = (
    options.some(Files, "eval_data_pattern", "submission_file", "per_class_file"),
    options.some(Evaluation, "top_n", "label_cache"),
    data.SegmentClasses,
    held_out.HeldOut,
    options.some(Data, "index_dir", "max_bad_records", "cache_dir"),
    trained_model.VOCABULARY,
)


def main() -> dict[str, Any]:
    submission_file, pattern = options.required("submission_file"), options.required("eval_data_pattern")
    share, classes = held_out.share(), data.segment_classes()
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.evaluation import evaluate_submission

    return evaluate_submission.score(
        submission_file,
        pattern,
        top_n=FLAGS.top_n or LARGEST,
        label_cache=FLAGS.label_cache,
        per_class_file=FLAGS.per_class_file,
        held_out=share,
        classes=classes,
        index_dir=FLAGS.index_dir,
        max_bad_records=FLAGS.max_bad_records,
        cache_dir=FLAGS.cache_dir,
        class_name=trained_model.vocabulary().name,
    )


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
