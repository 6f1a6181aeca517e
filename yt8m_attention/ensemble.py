"""Blends trained models, or their saved scores, into one ranking of the segments of every class.

  python -m yt8m_attention.ensemble --inputs=runs/a/phase2,runs/b/phase2 --input_data_pattern='data/test/*.tfrecord' \\
      --output_file=segments.csv
  python -m yt8m_attention.ensemble --inputs=a.npz,b.npz --weights=2,1 --method=rank --output_file=segments.csv

With --fit_data_pattern, the blend and its members are scored on these files; without --weights, they also fit the
weights. --only_holdout then refers to these files, otherwise to --input_data_pattern.
"""

import os
from typing import Any

from absl import flags

from yt8m_attention.cli import app, data, ensembling, held_out, options
from yt8m_attention.cli.files import Files
from yt8m_attention.cli.ranking import Ranking
from yt8m_attention.config import Scoring
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

SCORING = options.some(Scoring, "video_score_weight")
OPTIONS = (
    ensembling.Ensemble,
    options.some(Files, "input_data_pattern", "output_file", "scores_file"),
    options.some(Ranking, "segment_max_pred"),
    SCORING,
    held_out.HeldOut,
    *data.OPTIONS,
)


def main() -> dict[str, Any]:
    paths, output_file = ensembling.paths(), ensembling.output_file()
    weights, is_model = ensembling.weights(len(paths)), tuple(map(os.path.isdir, paths))
    scoring = options.collect(SCORING)
    if scoring.video_score_weight and not any(is_model):
        raise UserError(f"--video_score_weight={scoring.video_score_weight:g}: rescores what models give, and --inputs "
                        "are files; give it to `inference` when writing them")  # fmt: skip
    if output_file:
        _check_ranking(weights, is_model)
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.ensembling import ensemble
        from yt8m_attention.inference import rank

    def job(data, share=0.0):
        return rank.RankingJob(
            pattern=FLAGS.input_data_pattern,
            data=data,
            output_file=output_file or "",
            scores_file=FLAGS.scores_file,
            held_out=0.0 if FLAGS.fit_data_pattern else held_out.share(share),
            scoring=scoring,
        )

    inputs = ensemble.Inputs(paths, is_model, weights, FLAGS.method)
    rated = ensemble.Rated(FLAGS.fit_data_pattern, held_out.share) if FLAGS.fit_data_pattern else None
    if not any(is_model):
        return ensemble.rank_files(inputs, job(data.data()), FLAGS.segment_max_pred, rated)
    return ensemble.rank_models(inputs, job, data.changed, FLAGS.segment_max_pred, rated)


def _check_ranking(weights, is_model):
    """Makes sure that there is something to rank, and that weights are not fitted on it."""
    if any(is_model):
        options.required("input_data_pattern")
    if FLAGS.fit_data_pattern and weights is None and not all(is_model):
        raise UserError("--fit_data_pattern: would fit weights on scores in a file among --inputs, which --output_file "
                        "then ranks; leave out --output_file, and give the weights found to --weights")  # fmt: skip


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
