"""Evaluates the checkpoints of a training directory, once or as they come."""

import os
import time

from yt8m_attention import progress
from yt8m_attention.config import Scoring
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import attention_images, evaluator
from yt8m_attention.evaluation import per_class_file as by_class
from yt8m_attention.inference.scoring import make_scorer
from yt8m_attention.losses.weighted_cross_entropy import class_weights
from yt8m_attention.runs import checkpoints, lineage, restore, run_file
from yt8m_attention.runs.summaries import Summaries

# How often a directory that is followed is looked at.
_POLL_SECONDS = 5.0


def evaluate(train_dir, pattern, which="best", change_data=None, segments=False, top_k=20, held_out=None, limit=None,
             scoring=Scoring(), per_class_file=None,
             class_name="class {}".format):  # fmt: skip
    """Scores one checkpoint and writes the scores beside the training's curves, under `TRAIN_DIR/eval`.

    Of segments rescored with weight W, under `TRAIN_DIR/eval_video_score_weight_W`, so that no curve mixes two weights.

    Args:
      train_dir: what train has written to.
      pattern: the labelled files.
      which: "best", "last" or a checkpoint file.
      change_data: function of the run's config.Data -> the one to evaluate with; None: as trained.
      segments: whether rated segments are scored too.
      top_k: classes of a video that GAP and MAP look at.
      held_out: function of the share that the run held out -> the share that alone is scored, 0 for all videos;
        None: all videos.
      limit: as evaluator.Examples.
      scoring: the precision of matrix products, the weight of the whole-video score, and the bags scored at once.
      per_class_file, class_name: where to and how, as per_class_file.write; None: nowhere.

    Returns:
      What evaluator.evaluate returns, less `per_class` and `precision_recall`, with `step`, `checkpoint`, and
      `seen_in_training`: whether the model was trained on some of these files' videos, so that the score says nothing
      about new ones.
    """
    trained = restore.load(train_dir, which)
    run = trained.run
    share = held_out(run.phase.holdout_fraction) if held_out else 0.0
    data = change_data(run.data) if change_data else run.data
    examples = evaluator.Examples(pattern, data, share, limit, scoring.batch_size)
    seen = seen_in_training(run, pattern, share)
    weights = class_weights(run.model.num_classes, data.segment_classes, run.phase.segment_class_weight)
    score = make_scorer(trained.model, None, scoring.precision)
    result = evaluator.evaluate(score, examples, weights, segments, top_k, scoring)
    curves, per_class = result.pop("precision_recall"), result.pop("per_class", None)
    if per_class_file:
        by_class.write(per_class_file, per_class, class_name)
    pictures = attention_images.make(trained.model, pattern, data, share) if segments else {}
    name = f"eval_video_score_weight_{scoring.video_score_weight:g}" if scoring.video_score_weight else "eval"
    _write_summaries(os.path.join(train_dir, name), trained.meta["step"], result, per_class, curves, pictures)
    return result | {"step": trained.meta["step"], "checkpoint": trained.path, "seen_in_training": seen}


def follow(train_dir, pattern, **options):
    """Scores every checkpoint of a run as it is written; returns the last one's scores when the run has finished.

    It waits, and says for what, where there is no checkpoint yet, no directory even: a run may be about to make it.
    One that is damaged, or gone before its turn, is said and passed over.

    Args: as evaluate; `which` is not looked at.

    Raises:
      UserError: as evaluate; where the run has finished and not one of its checkpoints could be scored.
    """
    done, result, waiting = set(), None, None
    while True:
        new = [path for path in checkpoints.paths(train_dir) if path not in done]
        for path in reversed(new):
            done.add(path)
            try:
                result = evaluate(train_dir, pattern, **options | {"which": path})
            except UserError as error:
                if os.path.exists(path) and not isinstance(error, checkpoints.Damaged):
                    raise
                progress.say(f"passed over: {_why(path, error)}")
                continue
            progress.say(f"step {result['step']:,}: " + _in_words(result))
        if new:
            continue
        if _finished(train_dir):
            if result is None:
                raise UserError(f"--train_dir={train_dir}: the run has finished, and no checkpoint of it is whole")
            return result
        if waiting != len(done):
            waiting = len(done)
            progress.say(f"waiting for {'the next' if done else 'a'} checkpoint in {checkpoints.directory(train_dir)}")
        time.sleep(_POLL_SECONDS)


def _why(path, error):
    gone = f"{path} is gone; training keeps the newest few (--keep_checkpoints)"
    return error if os.path.exists(path) else gone


def _finished(train_dir):
    """Whether the newest checkpoint is its run's last. It says so itself, and run.json says it of a damaged one."""
    newest = next(iter(checkpoints.paths(train_dir)), None)
    try:
        return newest is not None and checkpoints.load_meta(newest)["finished"]
    except UserError:
        return newest == checkpoints.path_of(train_dir, run_file.finished(train_dir))


def seen_in_training(run, pattern, share):
    """As history.learned_from; where it is so, it says that scores mean little."""
    seen = lineage.learned_from(run, pattern, share)
    if seen:
        progress.say("note: the model was trained on these files' videos; the scores say nothing about new ones "
                     "(--only_holdout scores the share that was held out)")  # fmt: skip
    return seen


def _write_summaries(directory, step, result, per_class, curves, pictures):
    summaries = Summaries(directory)
    summaries.scalars(step, {f"eval/{name}": value for name, value in result.items()})
    if per_class:
        summaries.histogram(step, "eval/average_precision_by_class", [row[0] for row in per_class.values()])
    for name, counts in curves.items():
        summaries.precision_recall(step, f"eval/{name}", **counts)
    for video, picture in pictures.items():
        summaries.image(step, f"attention/{video}", picture, attention_images.__doc__)
    summaries.close()


def _in_words(result):
    return ", ".join(f"{name} {value:.4f}" for name, value in result.items() if isinstance(value, float))
