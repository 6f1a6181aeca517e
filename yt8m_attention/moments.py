"""Names the best moments of videos, given as features: class, from, to, how probable.

  python -m yt8m_attention.moments --input=features.npy --train_dir=runs/phase2 --vocabulary=vocabulary.csv
  python -m yt8m_attention.moments --input='data/test/*.tfrecord' --train_dir=runs/phase2 --format=vtt \\
      --output_file='moments/{id}.vtt'
"""

from absl import flags

from yt8m_attention.cli import (  # they define flags
    app,
    data_flags,
    moments_flags,
    trained_flags,
    values,
    vocabulary_flags,
)

FLAGS = flags.FLAGS


def main():
    train_dir, pattern = trained_flags.train_dir(), values.required("input")
    output_file = moments_flags.output_file()
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.localization import localize
        from yt8m_attention.runs import restore

    vocabulary = vocabulary_flags.vocabulary(train_dir)
    trained = restore.load(train_dir, FLAGS.checkpoint)
    data = data_flags.over(trained.run.data)
    job = localize.MomentsJob(pattern, data, FLAGS.top, FLAGS.format, output_file)
    return localize.run(trained.model, job, vocabulary.name)


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
