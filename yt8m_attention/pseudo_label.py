"""Writes videos with pseudo-labels: the best segments of a ranking are positives, the last ones are negatives.

Phase 2 trains on them together with rated segments.

  python -m yt8m_attention.pseudo_label --submission_file=segments.csv --input_data_pattern='data/test/*.tfrecord' \\
      --output_dir=pseudo
  python -m yt8m_attention.train --train_data_pattern='data/validate/*.tfrecord,pseudo/*.tfrecord' --segment_labels ...
"""

from typing import Any

from absl import flags

from yt8m_attention.cli import app, options, pseudo_labels
from yt8m_attention.cli.files import Files

FLAGS = flags.FLAGS

OPTIONS = (
    options.some(Files, "submission_file", "input_data_pattern", "output_dir"),
    pseudo_labels.PseudoLabels,
    pseudo_labels.HELD_OUT,
    pseudo_labels.DATA,
)


def main() -> dict[str, Any]:
    submission_file, pattern = options.required("submission_file"), options.required("input_data_pattern")
    output_dir = options.required("output_dir")
    rule, data = pseudo_labels.rule(), options.collect(pseudo_labels.DATA)
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.ensembling import pseudo_label_files

    job = pseudo_label_files.PseudoLabelJob(
        submission_file=submission_file,
        pattern=pattern,
        data=data,
        output_dir=output_dir,
        rule=rule,
        holdout_fraction=FLAGS.holdout_fraction,
    )
    return pseudo_label_files.write(job)


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
