"""Scores any system's ranked segments, a CSV as `inference --segment_labels` writes it: MAP@100,000.

  python -m yt8m_attention.segment_eval_inference --eval_data_pattern='data/test/*.tfrecord' \\
      --submission_file=segments.csv
"""

from absl import flags

from yt8m_attention.cli import (  # they define flags
    app,
    holdout_flags,
    per_class_flags,  # noqa: F401
    segment_class_flags,
    submission_flags,  # noqa: F401
    values,
    vocabulary_flags,
)

FLAGS = flags.FLAGS


def main():
    submission_file, pattern = values.required("submission_file"), values.required("eval_data_pattern")
    held_out, classes = holdout_flags.share(), segment_class_flags.segment_classes()
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.evaluation import evaluate_submission as scorer

    return scorer.score(
        submission_file,
        pattern,
        FLAGS.top_n,
        label_cache=FLAGS.label_cache,
        per_class_file=FLAGS.per_class_file,
        held_out=held_out,
        classes=classes,
        index_dir=FLAGS.index_dir,
        max_bad_records=FLAGS.max_bad_records,
        cache_dir=FLAGS.cache_dir,
        class_name=vocabulary_flags.vocabulary().name,
    )


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
