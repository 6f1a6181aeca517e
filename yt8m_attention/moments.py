"""Lists the best moments of videos, which are given as features: class, start, end, probability.

  python -m yt8m_attention.moments --input=features.npy --train_dir=runs/phase2 --vocabulary=vocabulary.csv
  python -m yt8m_attention.moments --input='data/test/*.tfrecord' --train_dir=runs/phase2 --format=vtt \\
      --output_file='moments/{id}.vtt'
"""

from typing import Any

from absl import flags

from yt8m_attention.cli import app, data, localization, options, trained_model
from yt8m_attention.cli.files import Files

FLAGS = flags.FLAGS

OPTIONS = (
    localization.Moments,
    trained_model.TrainedModel,
    options.some(Files, "output_file"),
    trained_model.VOCABULARY,
    *data.OPTIONS,
)


def main() -> dict[str, Any]:
    train_dir, pattern = trained_model.train_dir(), options.required("input")
    output_file = localization.output_file()
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.localization import localize
        from yt8m_attention.runs import restore

    vocabulary = trained_model.vocabulary(train_dir)
    trained = restore.load(train_dir, FLAGS.checkpoint)
    job = localize.MomentsJob(
        pattern=pattern,
        data=data.changed(trained.run.data),
        top=FLAGS.top,
        file_format=FLAGS.format,
        output_file=output_file,
    )
    return localize.run(trained.model, job, vocabulary.name)


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
