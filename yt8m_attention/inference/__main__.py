"""Ranks the segments of every class (--segment_labels), or the classes of every video, and writes the challenge's CSV.

  python -m yt8m_attention.inference --input_data_pattern='data/test/*.tfrecord' --train_dir=runs/phase2 \\
      --segment_labels --output_file=segments.csv

Several workers can rank a part of the files each, with --worker=I/N --ranking_file=FILE instead of --output_file.
--merge_rankings='FILES' --output_file=segments.csv then writes the CSV that a single call would have written.

This entry point of `inference` is in the folder, because a package and a module cannot share a name.
"""

from typing import Any

from absl import flags

from yt8m_attention.cli import app, data, held_out, options, ranking, scoring, starter_code, trained_model
from yt8m_attention.cli.evaluation import Evaluation
from yt8m_attention.cli.files import Files
from yt8m_attention.config import Scoring

FLAGS = flags.FLAGS

OPTIONS = (
    options.some(Files, "input_data_pattern", "output_file", "scores_file"),
    trained_model.TrainedModel,
    trained_model.CheckpointFile,
    trained_model.ModelArchive,
    scoring.SEGMENT_LABELS,
    ranking.Ranking,
    options.some(Evaluation, "top_k"),
    Scoring,
    held_out.HeldOut,
    *data.OPTIONS,
    *starter_code.TRAINED,
)


def main() -> dict[str, Any]:
    parts = ranking.merged()
    return _merge(parts) if parts else _rank()


def _merge(parts):
    output_file = options.required("output_file")
    with app.quiet_imports():
        from yt8m_attention.inference import partial_rankings

    return partial_rankings.merge(parts, output_file)


def _rank():
    level, worker = starter_code.trained(), ranking.worker()
    trained_model.use_checkpoint_file()
    trained_model.check_archives()
    pattern, scored = options.required("input_data_pattern"), scoring.of_segments()
    output_file = options.required("ranking_file" if worker else "output_file")
    with app.quiet_imports():  # of TensorFlow, which takes longer than wrong flags should wait
        from yt8m_attention.inference import rank
        from yt8m_attention.runs import model_archive, restore

    with trained_model.directory() as train_dir:
        flag = "input_model_tgz" if FLAGS.input_model_tgz else "train_dir"
        trained = restore.load(train_dir, FLAGS.checkpoint, flag)
        read_as = starter_code.change_data(level, train_dir, "input_data_pattern", trained.run.data)
        job = rank.RankingJob(
            pattern=pattern,
            data=ranking.with_segment_classes(read_as) if FLAGS.segment_labels else read_as,
            output_file=output_file,
            scores_file=FLAGS.scores_file,
            held_out=held_out.share(trained.run.phase.holdout_fraction),
            window_stride=FLAGS.window_stride,
            scoring=scored,
            scorer=trained.path,
            worker=worker,
        )
        if FLAGS.segment_labels:
            result = rank.rank_segments(trained.model, job, FLAGS.segment_max_pred)
        else:
            result = rank.rank_classes(trained.model, job, FLAGS.top_k)
        if FLAGS.output_model_tgz:
            model_archive.write(FLAGS.output_model_tgz, trained, train_dir)
            result["output_model_tgz"] = FLAGS.output_model_tgz
        return result


def entry() -> None:
    app.run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    entry()
