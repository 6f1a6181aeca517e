"""Takes the best segments of a ranking for positives and its last ones for negatives, and writes their videos with
these pseudo-labels, to train on together with rated ones.

  python -m yt8m_attention.pseudo_label --submission_file=segments.csv --input_data_pattern='data/test/*.tfrecord' \\
      --output_dir=pseudo
  python -m yt8m_attention.train --train_data_pattern='data/validate/*.tfrecord,pseudo/*.tfrecord' --segment_labels ...
"""

from absl import flags

from yt8m_attention.cli import app, pseudo_label_flags, values

FLAGS = flags.FLAGS


def main():
    submission_file, pattern = values.required("submission_file"), values.required("input_data_pattern")
    output_dir = values.required("output_dir")
    rule, data = pseudo_label_flags.rule(), pseudo_label_flags.data()
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.ensembling import pseudo_label_files

    job = pseudo_label_files.PseudoLabelJob(submission_file, pattern, data, output_dir, rule, FLAGS.holdout_fraction)
    return pseudo_label_files.write(job)


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
