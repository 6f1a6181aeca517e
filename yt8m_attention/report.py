"""Writes one HTML page about a trained model: scores and controls, curves, classes, and videos second by second.

  python -m yt8m_attention.report --train_dir=runs/phase2 --input_data_pattern='data/test/*.tfrecord' \\
      --vocabulary=vocabulary.csv --output_file=report.html
  python -m yt8m_attention.report --train_dir=runs/phase2 --input_data_pattern=features.npy --output_file=mine.html

Labelled videos are scored; a video of your own is shown with its moments. The page needs no network.
"""

from typing import Any

from absl import flags

from yt8m_attention.cli import app, data, held_out, localization, options, trained_model
from yt8m_attention.cli.evaluation import Evaluation
from yt8m_attention.cli.files import Files
from yt8m_attention.config import Scoring

FLAGS = flags.FLAGS

SCORING = options.some(Scoring, "video_score_weight")
OPTIONS = (
    trained_model.TrainedModel,
    options.some(Files, "input_data_pattern", "output_file"),
    localization.Report,
    options.some(localization.Moments, top={"flag_default": 8}),
    options.some(Evaluation, "num_examples"),
    SCORING,
    held_out.HeldOut,
    trained_model.VOCABULARY,
    *data.OPTIONS,
)


def main() -> dict[str, Any]:
    train_dir = trained_model.train_dir()
    pattern, output_file = options.required("input_data_pattern"), options.required("output_file")
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.reports import report

    job = report.ReportJob(
        train_dir=train_dir,
        which=FLAGS.checkpoint,
        pattern=pattern,
        output_file=output_file,
        change_data=data.changed,
        held_out=held_out.share,
        video_ids=FLAGS.video_ids,
        top=FLAGS.top,
        limit=FLAGS.num_examples,
        scoring=options.collect(SCORING),
        class_name=trained_model.vocabulary(train_dir).name,
    )
    return report.write(job)


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
