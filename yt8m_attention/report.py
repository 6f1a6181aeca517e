"""Writes one HTML page about a trained model: scores and controls, curves, classes, and videos second by second.

  python -m yt8m_attention.report --train_dir=runs/phase2 --input_data_pattern='data/test/*.tfrecord' \\
      --vocabulary=vocabulary.csv --output_file=report.html
  python -m yt8m_attention.report --train_dir=runs/phase2 --input_data_pattern=features.npy --output_file=mine.html

What is labelled is scored; a video of your own is shown with its moments. The page holds all that it needs and asks no
network for anything.
"""

from absl import flags

from yt8m_attention.cli import (  # they define flags
    app,
    data_flags,
    holdout_flags,
    limit_flags,  # noqa: F401
    report_flags,  # noqa: F401
    trained_flags,
    values,
    video_score_flags,  # noqa: F401
    vocabulary_flags,
)

FLAGS = flags.FLAGS


def main():
    train_dir = trained_flags.train_dir()
    pattern, output_file = values.required("input_data_pattern"), values.required("output_file")
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.reports import report

    job = report.ReportJob(
        train_dir=train_dir,
        which=FLAGS.checkpoint,
        pattern=pattern,
        output_file=output_file,
        change_data=data_flags.over,
        held_out=holdout_flags.share,
        video_ids=FLAGS.video_ids,
        top=FLAGS.top,
        limit=FLAGS.num_examples,
        video_score_weight=FLAGS.video_score_weight,
        class_name=vocabulary_flags.vocabulary(train_dir).name,
    )
    return report.write(job)


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
