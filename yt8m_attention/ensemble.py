"""Blends trained models, or their saved scores, into one ranking of the segments of every class.

  python -m yt8m_attention.ensemble --inputs=runs/a/phase2,runs/b/phase2 --input_data_pattern='data/test/*.tfrecord' \\
      --output_file=segments.csv
  python -m yt8m_attention.ensemble --inputs=a.npz,b.npz --weights=2,1 --method=rank --output_file=segments.csv

With --fit_data_pattern the weights are fitted there; --only_holdout then means the videos of that pattern, else those
of --input_data_pattern.
"""

import os

from absl import flags

from yt8m_attention.cli import app, data_flags, ensemble_flags, holdout_flags, values
from yt8m_attention.config import Data
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS


def main():
    paths, weights, output_file = ensemble_flags.paths(), ensemble_flags.weights(), values.required("output_file")
    is_model = tuple(map(os.path.isdir, paths))
    if any(is_model):
        values.required("input_data_pattern")
    if FLAGS.fit_data_pattern and not all(is_model):
        raise UserError("--fit_data_pattern: fits the weights of models, and a file among --inputs is none; "
                        "give --weights")  # fmt: skip
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.ensembling import ensemble
        from yt8m_attention.inference import rank

    def job(data, share=0.0):
        held_out = 0.0 if FLAGS.fit_data_pattern else holdout_flags.share(share)
        return rank.Job(FLAGS.input_data_pattern, data, output_file, FLAGS.scores_file, held_out)

    inputs = ensemble.Inputs(paths, is_model, weights, FLAGS.method)
    if not any(is_model):
        return ensemble.rank_files(inputs, job(Data()), FLAGS.segment_max_pred)
    fitting = ensemble.Fitting(FLAGS.fit_data_pattern, holdout_flags.share) if FLAGS.fit_data_pattern else None
    return ensemble.rank_models(inputs, job, data_flags.over, FLAGS.segment_max_pred, fitting)


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
