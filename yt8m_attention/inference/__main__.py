"""Ranks the segments of every class (--segment_labels), or the classes of every video, and writes the challenge's CSV.

  python -m yt8m_attention.inference --input_data_pattern='data/test/*.tfrecord' --train_dir=runs/phase2 \\
      --segment_labels --output_file=segments.csv

Several workers, each with --worker=I/N --ranking_file=FILE in place of --output_file, rank a part of the files each;
--merge_rankings='FILES' --output_file=segments.csv then writes the CSV that one would have written.

It is the entry point `inference`, and stands here because a package and a module cannot share the name.
"""

from absl import flags

from yt8m_attention.cli import (  # they define flags
    app,
    data_flags,
    holdout_flags,
    inference_flags,
    precision_flags,  # noqa: F401
    trained_flags,
    values,
    video_score_flags,
)

FLAGS = flags.FLAGS


def main():
    parts = inference_flags.merged()
    return _merge(parts) if parts else _rank()


def _merge(parts):
    output_file = values.required("output_file")
    with app.quiet_imports():
        from yt8m_attention.inference import partial_rankings

    return partial_rankings.merge(parts, output_file)


def _rank():
    worker, train_dir = inference_flags.worker(), trained_flags.train_dir()
    pattern, weight = values.required("input_data_pattern"), video_score_flags.of_segments()
    output_file = values.required("ranking_file" if worker else "output_file")
    with app.quiet_imports():  # of TensorFlow, which wrong flags need not wait for
        from yt8m_attention.inference import rank
        from yt8m_attention.runs import restore

    trained = restore.load(train_dir, FLAGS.checkpoint)
    held_out = holdout_flags.share(trained.run.phase.holdout_fraction)
    job = rank.RankingJob(
        pattern,
        data_flags.over(trained.run.data),
        output_file,
        FLAGS.scores_file,
        held_out,
        FLAGS.window_stride,
        FLAGS.precision,
        trained.path,
        worker,
        weight,
    )
    if FLAGS.segment_labels:
        return rank.rank_segments(trained.model, job, FLAGS.segment_max_pred)
    return rank.rank_classes(trained.model, job, FLAGS.top_k)


def entry():
    app.run(main, __doc__)


if __name__ == "__main__":
    entry()
