"""Blends trained models, or their saved scores, into one ranking of the segments of every class.

  python -m yt8m_attention.ensemble --inputs=runs/a/phase2,runs/b/phase2 --input_data_pattern='data/test/*.tfrecord' \\
      --output_file=segments.csv
  python -m yt8m_attention.ensemble --inputs=a.npz,b.npz --weights=2,1 --method=rank --output_file=segments.csv

With --fit_data_pattern the blend and its members are judged there, and weights fitted where none are given;
--only_holdout then means the videos of that pattern, else those of --input_data_pattern.
"""

import os

from absl import flags

from yt8m_attention.cli import app, data_flags, ensemble_flags, holdout_flags, values, video_score_flags  # noqa: F401
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS


def main():
    paths, output_file = ensemble_flags.paths(), ensemble_flags.output_file()
    weights, is_model = ensemble_flags.weights(len(paths)), tuple(map(os.path.isdir, paths))
    if FLAGS.video_score_weight and not any(is_model):
        raise UserError(f"--video_score_weight={FLAGS.video_score_weight:g}: rescores what models give, and --inputs "
                        "are files; give it to `inference` when writing them")  # fmt: skip
    if output_file:
        _check_ranking(weights, is_model)
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.ensembling import ensemble
        from yt8m_attention.inference import rank

    def job(data, share=0.0):
        held_out = 0.0 if FLAGS.fit_data_pattern else holdout_flags.share(share)
        return rank.RankingJob(FLAGS.input_data_pattern, data, output_file, FLAGS.scores_file, held_out,
                        video_score_weight=FLAGS.video_score_weight)  # fmt: skip

    inputs = ensemble.Inputs(paths, is_model, weights, FLAGS.method)
    rated = ensemble.Rated(FLAGS.fit_data_pattern, holdout_flags.share) if FLAGS.fit_data_pattern else None
    if not any(is_model):
        return ensemble.rank_files(inputs, job(data_flags.data()), FLAGS.segment_max_pred, rated)
    return ensemble.rank_models(inputs, job, data_flags.over, FLAGS.segment_max_pred, rated)


def _check_ranking(weights, is_model):
    """Makes sure that there is something to rank, and that weights are not fitted on it."""
    if any(is_model):
        values.required("input_data_pattern")
    if FLAGS.fit_data_pattern and weights is None and not all(is_model):
        raise UserError("--fit_data_pattern: would fit weights on scores in a file among --inputs, which --output_file "
                        "then ranks; leave out --output_file, and give the weights found to --weights")  # fmt: skip


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
