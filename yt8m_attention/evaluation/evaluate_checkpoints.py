"""Evaluates the checkpoints of a training directory: one of them, or each new one as training writes it."""

import logging
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from yt8m_attention import config
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation import attention_images, evaluator
from yt8m_attention.evaluation import per_class_file as by_class
from yt8m_attention.inference.scoring import make_scorer
from yt8m_attention.losses.weighted_cross_entropy import class_weights
from yt8m_attention.runs import checkpoints, lineage, restore, run_file
from yt8m_attention.runs.summaries import Summaries

logger = logging.getLogger(__name__)

# Time between two looks at a followed directory.
_POLL_SECONDS = 5.0


def evaluate(train_dir: str, pattern: str, which: str = "best",
             change_data: Callable[[config.Data], config.Data] | None = None, segments: bool = False, top_k: int = 20,
             held_out: Callable[[float], float] | None = None, limit: int | None = None,
             scoring: config.Scoring = config.Scoring(), per_class_file: str | None = None,
             class_name: Callable[[int], str] = "class {}".format) -> dict[str, Any]:  # fmt: skip
    """Scores one checkpoint and writes the scores as curves to `TRAIN_DIR/eval`.

    Scores with a video score weight W go to `TRAIN_DIR/eval_video_score_weight_W`, so that no curve mixes two weights.

    Args:
      train_dir: directory of a training run.
      pattern: labelled files.
      which: "best", "last" or a checkpoint file.
      change_data: function of the run's config.Data -> the config.Data to evaluate with; None: as trained.
      segments: whether rated segments are scored too.
      top_k: number of classes per video that GAP and MAP consider.
      held_out: function of the share that the run held out -> the share to score, 0 for all videos; None: all videos.
      limit: as evaluator.Examples.
      scoring: precision of matrix products, weight of the whole-video score, and bags per batch.
      per_class_file: CSV for the average precision of each class, see per_class_file.write; None: not written.
      class_name: function of a class id -> its name.

    Returns:
      The result of evaluator.evaluate without `per_class` and `precision_recall`, and with `step`, `checkpoint` and
      `seen_in_training`: whether training used some of these videos. If so, the scores say nothing about new videos.
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


def follow(train_dir: str, pattern: str, **options: Any) -> dict[str, Any]:
    """Scores each checkpoint of a run as it is written, until the run has finished.

    Waits if there is no checkpoint or no directory yet, and logs what it waits for. Logs and skips checkpoints that
    are damaged or already deleted.

    Args: as evaluate; `which` is ignored.

    Returns:
      The scores of the last checkpoint, as evaluate.

    Raises:
      UserError: as evaluate; if the run has finished and none of its checkpoints can be scored.
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
                logger.info(f"skipped: {_why(path, error)}")
                continue
            logger.info(f"step {result['step']:,}: " + _in_words(result))
        if new:
            continue
        if _finished(train_dir):
            if result is None:
                raise UserError(f"--train_dir={train_dir}: the run has finished and has no usable checkpoint")
            return result
        if waiting != len(done):
            waiting = len(done)
            logger.info(f"waiting for {'the next' if done else 'a'} checkpoint in {checkpoints.directory(train_dir)}")
        time.sleep(_POLL_SECONDS)


def _why(path, error):
    deleted = f"{path} is deleted; training keeps the newest checkpoints only (--keep_checkpoints)"
    return error if os.path.exists(path) else deleted


def _finished(train_dir):
    """Whether the newest checkpoint is the last of its run. run.json answers for a damaged checkpoint."""
    newest = next(iter(checkpoints.paths(train_dir)), None)
    try:
        return newest is not None and checkpoints.load_meta(newest)["finished"]
    except UserError:
        return newest == checkpoints.path_of(train_dir, run_file.finished(train_dir))


def seen_in_training(run: config.Run, pattern: str, share: float) -> bool | None:
    """Returns lineage.learned_from: whether training used these videos. If so, logs a warning about the scores."""
    seen = lineage.learned_from(run, pattern, share)
    if seen:
        logger.info("note: the model was trained on videos of these files; the scores say nothing about new videos "
                    "(--only_holdout scores the held-out videos)")  # fmt: skip
    return seen


def _write_summaries(directory, step, result, per_class, curves, pictures):
    summaries = Summaries(directory)
    summaries.scalars(step, {f"eval/{name}": value for name, value in result.items()})
    if per_class:
        summaries.histogram(step, "eval/average_precision_by_class", np.array([row[0] for row in per_class.values()]))
    for name, counts in curves.items():
        summaries.precision_recall(step, f"eval/{name}", **counts)
    for video, picture in pictures.items():
        summaries.image(step, f"attention/{video}", picture, attention_images.__doc__)
    summaries.close()


def _in_words(result):
    return ", ".join(f"{name} {value:.4f}" for name, value in result.items() if isinstance(value, float))
